//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package pgtest

import (
	"os"

	"afterhours/migrations/pgserver"
)

// No server of our own starts on these systems.

func take(string) (func(), bool, error) { return nil, false, pgserver.ErrUnsupported }
func kill(int) error                    { return pgserver.ErrUnsupported }
func abort(int) error                   { return pgserver.ErrUnsupported }
func owned(os.FileInfo) bool            { return true }
