//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package pgserver

import (
	"context"
	"os"
	"os/exec"
	"syscall"
)

// Nothing below is reached: Start and Find return ErrUnsupported first. Attach finds no running server.
const supported = false

type account struct {
	name string
	drop bool
}

func serverAccount() (account, error) { return account{}, ErrUnsupported }

func (account) command(ctx context.Context, program string, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, program, args...)
}

func (account) hint(error) string         { return "" }
func (account) mayEnter(os.FileInfo) bool { return false }
func (account) makePrivate(string) error  { return ErrUnsupported }
func (account) own(string) error          { return ErrUnsupported }

func lockFile(string) (func(), error)    { return nil, ErrUnsupported }
func alive(int) bool                     { return false }
func dieWithParent(*syscall.SysProcAttr) {}
func isServer(int, string) bool          { return false }
func serverProcesses(string) []int       { return nil }
