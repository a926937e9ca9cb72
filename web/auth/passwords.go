package auth

import (
	"context"
	"fmt"
	"sync"
	"unicode/utf8"

	"github.com/alexedwards/argon2id"

	"afterhours/tickets"
)

// The cost of a password: the least that OWASP's Password Storage Cheat Sheet gives for argon2id.
const (
	hashMemory  = 19 * 1024 // KiB
	hashPasses  = 2
	hashThreads = 1
)

// hashesAtOnce bounds the memory that sign-ins can take together.
const hashesAtOnce = 4

// Bounds of a password, the lower in characters, the upper in octets.
const (
	MinPassword = 12
	maxPassword = 1024
)

// hasher makes and compares passwords, a few at a time.
type hasher struct {
	seats   chan struct{}
	decoy   func() (string, error)
	compare func(password, hash string) (bool, error)
}

func newHasher() *hasher {
	return &hasher{
		seats:   make(chan struct{}, hashesAtOnce),
		compare: argon2id.ComparePasswordAndHash,
		decoy:   sync.OnceValues(func() (string, error) { return argon2id.CreateHash(newSecret(), hashCost()) }),
	}
}

func hashCost() *argon2id.Params {
	return &argon2id.Params{Memory: hashMemory, Iterations: hashPasses, Parallelism: hashThreads, SaltLength: 16, KeyLength: 32}
}

func (h *hasher) seat(ctx context.Context) (leave func(), err error) {
	select {
	case h.seats <- struct{}{}:
		return func() { <-h.seats }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// hash returns the encoded hash of a password.
func (h *hasher) hash(ctx context.Context, password string) (string, error) {
	leave, err := h.seat(ctx)
	if err != nil {
		return "", err
	}
	defer leave()
	return argon2id.CreateHash(password, hashCost())
}

// matches compares a password with a hash; without a hash it does the same work on a decoy and says no.
func (h *hasher) matches(ctx context.Context, password, hash string) (bool, error) {
	leave, err := h.seat(ctx)
	if err != nil {
		return false, err
	}
	defer leave()
	decoy, err := h.decoy()
	if err != nil {
		return false, err
	}
	if hash == "" {
		_, err := h.compare(password, decoy)
		return false, err
	}
	return h.compare(password, hash)
}

func checkPassword(password string) error {
	if utf8.RuneCountInString(password) < MinPassword {
		return &tickets.InvalidError{Field: "password", Reason: fmt.Sprintf("use at least %d characters", MinPassword)}
	}
	if len(password) > maxPassword {
		return &tickets.InvalidError{Field: "password", Reason: fmt.Sprintf("use at most %d octets", maxPassword)}
	}
	return nil
}
