package oncall

import (
	"errors"
	"time"
)

// Change is one entry of the audit log. Difference holds no credential.
type Change struct {
	ID         int64
	At         time.Time
	Actor      string
	Action     string
	Difference string

	Undoes   int64     // the entry that this one undid; 0 for any other
	UndoneBy int64     // the entry that undid this one and holds still; 0 where it is in force
	LeftOut  []string  // what the undoing left as it was, as paths
	State    KeptState // whether it can be undone
	Things   []string  // what it changed
}

// KeptState says whether the state before and after a change is kept.
type KeptState string

// Why a state is not kept, beside StateKept and StateNone.
const (
	StateKept   KeptState = "kept"
	StateNone   KeptState = "" // it changed no configuration, or is older than undoing
	StateAge    KeptState = "age"
	StateSize   KeptState = "size"
	StateErased KeptState = "erased"
	StateKey    KeptState = "key"
)

// UndoneInPart says that its undoing left something as it was.
func (c Change) UndoneInPart() bool { return c.UndoneBy != 0 && len(c.LeftOut) > 0 }

// Bounds of what is kept for undoing.
const (
	UndoLifetime  = 365 * 24 * time.Hour
	MostUndoState = 1 << 20 // bytes of one change
)

// ErrNotKept is the meaning of a change whose state before is not there.
var ErrNotKept = errors.New("its state before is not kept")
