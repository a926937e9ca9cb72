package pgserver

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// socketPort names the socket's file; there is no port of a network.
const socketPort = "5432"

// maxSocketPath is the longest path of a Unix socket that every system takes: Linux allows 107 bytes, macOS and the
// BSDs 103.
const maxSocketPath = 103

// layout knows what is where in the folder.
type layout struct{ dir string }

func (l layout) cluster() string  { return filepath.Join(l.dir, "cluster") }
func (l layout) password() string { return filepath.Join(l.dir, "password") }
func (l layout) running() string  { return filepath.Join(l.dir, "running.json") }
func (l layout) lock() string     { return filepath.Join(l.dir, "lock") }

// unfinished begins the name of a cluster in the making.
const unfinished = "cluster.unfinished-"

// removeUnfinished removes clusters that were never finished, which nobody but the holder of the lock makes. An initdb
// that outlived its parent may still be at work on one: then the next start removes the rest.
func (l layout) removeUnfinished() {
	folders, _ := filepath.Glob(filepath.Join(l.dir, unfinished+"*"))
	for _, folder := range folders {
		_ = os.RemoveAll(folder)
	}
}

// makeLayout makes the folder and resolves its path, so that one folder has one name.
func makeLayout(dir string) (layout, error) {
	if dir == "" {
		return layout{}, errors.New("embedded Postgres: no folder given")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return layout{}, fmt.Errorf("make the folder of the embedded Postgres: %w", err)
	}
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return layout{}, fmt.Errorf("folder of the embedded Postgres: %w", err)
	}
	resolved, err := filepath.EvalSymlinks(absolute)
	if err != nil {
		return layout{}, fmt.Errorf("folder of the embedded Postgres: %w", err)
	}
	return layout{dir: resolved}, nil
}

// major is the major version that made the cluster, 0 where there is no cluster yet.
func (l layout) major() (int, error) {
	content, err := os.ReadFile(filepath.Join(l.cluster(), "PG_VERSION"))
	if err == nil {
		number, _, _ := strings.Cut(strings.TrimSpace(string(content)), ".")
		major, err := strconv.Atoi(number)
		if err != nil || major <= 0 {
			return 0, fmt.Errorf("%s/PG_VERSION does not hold a version: restore the folder from a backup", l.cluster())
		}
		return major, nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return 0, fmt.Errorf("read the cluster's version: %w", err)
	}
	entries, err := os.ReadDir(l.cluster())
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return 0, fmt.Errorf("read the cluster: %w", err)
	}
	if len(entries) > 0 {
		return 0, fmt.Errorf("%s is not empty and not a Postgres cluster: move it away or restore it from a backup", l.cluster())
	}
	return 0, nil
}

// checkEnterable opens our own folder to the server's user and then tries, as that user, to stand in it. Only the
// kernel knows all the rules (modes, lists, mounts), so it is asked; the modes merely find the culprit.
func (l layout) checkEnterable(ctx context.Context, user account, programs Programs) error {
	if !user.drop {
		return nil
	}
	info, err := os.Stat(l.dir)
	if err != nil {
		return fmt.Errorf("folder of the embedded Postgres: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o001 == 0 {
		if err := os.Chmod(l.dir, mode|0o011); err != nil {
			return fmt.Errorf("open the folder to the user %s: %w", user.name, err)
		}
	}
	probe := user.command(ctx, filepath.Join(programs.Bin, "postgres"), "--version")
	probe.Dir = l.dir
	err = probe.Run()
	if err == nil {
		return nil
	}
	for parent := l.dir; ; parent = filepath.Dir(parent) {
		if info, err := os.Stat(parent); err == nil && !user.mayEnter(info) && parent != l.dir {
			return fmt.Errorf("the database runs as user %s, who cannot enter %s: run \"chmod o+x %s\", or choose another AFTERHOURS_DATA_DIR", user.name, parent, parent)
		}
		if parent == filepath.Dir(parent) {
			break
		}
	}
	return fmt.Errorf("the database runs as user %s, who cannot enter %s: let that user in or choose another AFTERHOURS_DATA_DIR: %w", user.name, l.dir, err)
}

// makeSocketDir makes the private folder of the socket: inside ours, or where that path is too long, under the
// system's temporary folder with a name that follows from ours. It empties it of a dead server's leavings.
func (l layout) makeSocketDir(user account) (string, error) {
	sum := sha256.Sum256([]byte(l.dir))
	short := fmt.Sprintf("afterhours-%x", sum[:8])
	candidates := []string{
		filepath.Join(l.dir, "socket"),
		filepath.Join(os.TempDir(), short),
		filepath.Join("/tmp", short),
	}
	file := ".s.PGSQL." + socketPort
	var lastErr error
	for _, dir := range candidates {
		if len(filepath.Join(dir, file)) > maxSocketPath {
			continue
		}
		if err := user.makePrivate(dir); err != nil {
			lastErr = err // such as a stranger's folder of that name
			continue
		}
		for _, name := range []string{file, file + ".lock"} {
			if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
				return "", fmt.Errorf("remove a dead server's socket: %w", err)
			}
		}
		return dir, nil
	}
	if lastErr == nil {
		lastErr = fmt.Errorf("every path is longer than %d bytes", maxSocketPath)
	}
	return "", fmt.Errorf("make a folder for the database's socket: %w", lastErr)
}

// running is the content of running.json.
type running struct {
	Pid    int    `json:"pid"`    // of the process whose server it is
	Socket string `json:"socket"` // folder of the socket
}

func (l layout) writeRunning(socket string) error {
	content, err := json.Marshal(running{Pid: os.Getpid(), Socket: socket})
	if err != nil {
		return err
	}
	if err := writeFile(l.running(), content); err != nil {
		return fmt.Errorf("tell where the database listens: %w", err)
	}
	return nil
}

func attach(l layout) (address string, ok bool, err error) {
	content, err := os.ReadFile(l.running())
	if errors.Is(err, os.ErrNotExist) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("find the embedded Postgres: %w", err)
	}
	var found running
	if err := json.Unmarshal(content, &found); err != nil {
		return "", false, fmt.Errorf("%s: %w", l.running(), err)
	}
	if !alive(found.Pid) {
		return "", false, nil
	}
	conn, err := net.DialTimeout("unix", filepath.Join(found.Socket, ".s.PGSQL."+socketPort), 2*time.Second)
	if errors.Is(err, os.ErrPermission) {
		return "", false, fmt.Errorf("reach the embedded Postgres: %w", err)
	}
	if err != nil {
		return "", false, nil
	}
	_ = conn.Close()
	password, err := os.ReadFile(l.password())
	if err != nil {
		return "", false, fmt.Errorf("reach the embedded Postgres: %w", err)
	}
	return socketURL(found.Socket, strings.TrimSpace(string(password)), role), true, nil
}

// newPassword is 130 random bits in letters and digits, which need no quoting anywhere.
func newPassword() string { return rand.Text() }

// writeFile puts a file of this user's alone in place, whole or not at all, and onto the disk.
func writeFile(path string, content []byte) (err error) {
	temporary, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(temporary.Name())
		}
	}()
	if _, err = temporary.Write(content); err != nil {
		_ = temporary.Close()
		return err
	}
	if err = temporary.Sync(); err != nil {
		_ = temporary.Close()
		return err
	}
	if err = temporary.Close(); err != nil {
		return err
	}
	if err = os.Rename(temporary.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// overwrite replaces the content of a file that keeps its owner, and puts it onto the disk.
func overwrite(path string, content []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	return errors.Join(err, file.Sync(), file.Close())
}

// syncDir makes the names in a folder durable.
func syncDir(dir string) error {
	folder, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer folder.Close()
	return folder.Sync()
}
