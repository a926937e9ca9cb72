//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package pgtest

import (
	"errors"
	"os"
	"syscall"
	"time"
)

// take locks a file for this process, and notes the time in it. Not free: another process, or another test of this
// one, has it. The kernel gives the lock back when the process ends.
func take(path string) (release func(), free bool, err error) {
	for {
		file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return nil, false, err
		}
		if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
			_ = file.Close()
			if errors.Is(err, syscall.EWOULDBLOCK) {
				return nil, false, nil
			}
			return nil, false, err
		}
		// Swept away between the two calls: the lock is on a file that has no name any more.
		held, heldErr := file.Stat()
		named, namedErr := os.Stat(path)
		if heldErr != nil || namedErr != nil || !os.SameFile(held, named) {
			_ = file.Close()
			continue
		}
		now := time.Now()
		_ = os.Chtimes(path, now, now)
		return func() {
			_ = syscall.Flock(int(file.Fd()), syscall.LOCK_UN) // also for a child that is just being started
			_ = file.Close()
		}, true, nil
	}
}

// kill ends a process without giving it a say.
func kill(pid int) error { return syscall.Kill(pid, syscall.SIGKILL) }

// abort is what pg_ctl stop -m immediate sends.
func abort(pid int) error { return syscall.Kill(pid, syscall.SIGQUIT) }

// owned tells whether the file is this user's.
func owned(info os.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Getuid()
}
