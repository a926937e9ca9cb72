package playbook

import (
	"context"
	"errors"
	"time"
)

// Isolator carries out actions on devices.
type Isolator interface {
	// Find returns the device of an id or a name; an unknown one is ErrNoDevice.
	Find(ctx context.Context, tenant, idOrName string) (Device, error)
	// Request asks for an action. One that the device is just carrying out is ErrActive.
	Request(ctx context.Context, tenant string, order Order) (Progress, error)
	// Requested returns the newest actions of the order's kind on its device.
	Requested(ctx context.Context, tenant string, order Order) ([]Progress, error)
	// Follow returns an action as it is now.
	Follow(ctx context.Context, tenant, action string) (Progress, error)
}

// callWithin bounds one call of an Isolator, so that a tenant that hangs holds up no other's devices. A request that is cut
// off is read back like every other whose answer nobody saw.
const callWithin = 20 * time.Second

// bounded is an Isolator each of whose calls ends in time.
type bounded struct {
	inner Isolator
	span  time.Duration
}

// isolator is what the engine asks.
func (e *Engine) isolator() bounded {
	if e.callWithin > 0 {
		return bounded{e.Isolator, e.callWithin}
	}
	return bounded{e.Isolator, callWithin}
}

func (b bounded) Find(ctx context.Context, tenant, idOrName string) (Device, error) {
	ctx, cancel := context.WithTimeout(ctx, b.span)
	defer cancel()
	return b.inner.Find(ctx, tenant, idOrName)
}

func (b bounded) Request(ctx context.Context, tenant string, order Order) (Progress, error) {
	ctx, cancel := context.WithTimeout(ctx, b.span)
	defer cancel()
	return b.inner.Request(ctx, tenant, order)
}

func (b bounded) Requested(ctx context.Context, tenant string, order Order) ([]Progress, error) {
	ctx, cancel := context.WithTimeout(ctx, b.span)
	defer cancel()
	return b.inner.Requested(ctx, tenant, order)
}

func (b bounded) Follow(ctx context.Context, tenant, action string) (Progress, error) {
	ctx, cancel := context.WithTimeout(ctx, b.span)
	defer cancel()
	return b.inner.Follow(ctx, tenant, action)
}

// Order is one action on one device. Comment stands in the portal and says which run it was.
type Order struct {
	Machine  string
	Action   Action
	Settings Settings
	Comment  string
}

// Progress is how far an action is at Microsoft. Ended ones have succeeded or not.
type Progress struct {
	ID        string
	Status    string
	Comment   string
	CreatedAt time.Time
	Ended     bool
	Succeeded bool
}

// The errors that a run tells apart. Whatever else an Isolator returns may pass by itself, unless it is Permanent.
var (
	ErrNoDevice = errors.New("no such device is known to Defender")
	ErrActive   = errors.New("the action is already in progress")
)

// Permanent is an error that trying again does not mend.
type Permanent struct{ Err error }

func (p Permanent) Error() string { return p.Err.Error() }

// Unwrap returns what is permanent.
func (p Permanent) Unwrap() error { return p.Err }
