//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package pgserver

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

const supported = true

// account is the user who runs the server: this process's own, or an unprivileged one when this process is root,
// as whom Postgres refuses to run.
type account struct {
	name     string
	uid, gid uint32
	drop     bool
}

func serverAccount() (account, error) {
	if os.Geteuid() != 0 {
		return account{uid: uint32(os.Geteuid()), gid: uint32(os.Getegid())}, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		found, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := strconv.ParseUint(found.Uid, 10, 32)
		gid, gidErr := strconv.ParseUint(found.Gid, 10, 32)
		if uidErr == nil && gidErr == nil && uid != 0 {
			return account{name: name, uid: uint32(uid), gid: uint32(gid), drop: true}, nil
		}
	}
	return account{}, errors.New("the database does not run as root and there is no user postgres or nobody: run as an ordinary user or add one of these")
}

// command prepares a program that runs as this user, in a process group of its own: Ctrl-C in a terminal is for this
// process, which then ends the server in its own time.
func (a account) command(ctx context.Context, program string, args ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, program, args...)
	command.Dir = "/" // this process's own folder may be closed to that user
	command.Env = []string{
		"PATH=" + filepath.Dir(program) + string(os.PathListSeparator) + os.Getenv("PATH"),
		"LC_ALL=C", "TZ=UTC",
	}
	if libraries := os.Getenv("LD_LIBRARY_PATH"); libraries != "" {
		command.Env = append(command.Env, "LD_LIBRARY_PATH="+libraries)
	}
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGKILL) } // and what it started
	if a.drop {
		command.SysProcAttr.Credential = &syscall.Credential{Uid: a.uid, Gid: a.gid}
	}
	return command
}

// hint adds what to do when the change of user is forbidden, as in a container without that capability.
func (a account) hint(err error) string {
	if a.drop && errors.Is(err, syscall.EPERM) {
		return fmt.Sprintf(" (root may not become %s here: run afterhours as an ordinary user)", a.name)
	}
	return ""
}

// mayEnter tells whether a folder's mode lets the user in.
func (a account) mayEnter(info os.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return true
	}
	switch mode := info.Mode().Perm(); {
	case stat.Uid == a.uid:
		return mode&0o100 != 0
	case stat.Gid == a.gid:
		return mode&0o010 != 0
	default:
		return mode&0o001 != 0
	}
}

// makePrivate makes a folder that only this user can enter, or takes one that is so already. A folder of a stranger
// is refused.
func (a account) makePrivate(dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.IsDir() || (stat.Uid != a.uid && int(stat.Uid) != os.Geteuid()) {
		return fmt.Errorf("%s is not a folder of ours", dir)
	}
	if err := os.Lchown(dir, int(a.uid), int(a.gid)); err != nil {
		return err
	}
	return os.Chmod(dir, 0o700)
}

// own gives a cluster to the user, as after a change from root to a service account or a restore from a backup. The
// top folder comes last: its owner says that the work is done.
func (a account) own(cluster string) error {
	info, err := os.Stat(cluster)
	if err != nil {
		return fmt.Errorf("read the cluster: %w", err)
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); !a.drop || ok && stat.Uid == a.uid {
		return nil
	}
	err = filepath.WalkDir(cluster, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || path == cluster {
			return err
		}
		return os.Lchown(path, int(a.uid), int(a.gid))
	})
	if err == nil {
		err = os.Lchown(cluster, int(a.uid), int(a.gid))
	}
	if err != nil {
		return fmt.Errorf("give the cluster to the user %s: %w", a.name, err)
	}
	return nil
}

// lockFile takes the folder for this process, without waiting. The kernel gives it back when the process ends, and
// the server does not inherit it.
func lockFile(path string) (unlock func(), err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the folder of the embedded Postgres: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = file.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("%w: %s", ErrRunning, filepath.Dir(path))
		}
		return nil, fmt.Errorf("lock the folder of the embedded Postgres: %w", err)
	}
	return func() {
		// A child that another goroutine is just starting may still hold a copy, which closing alone would leave locked.
		_ = syscall.Flock(int(file.Fd()), syscall.LOCK_UN)
		_ = file.Close()
	}, nil
}

// alive tells whether there is a process of this number, whoever's it is.
func alive(pid int) bool {
	if pid <= 0 {
		return false
	}
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}
