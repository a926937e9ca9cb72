package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// backupEvery is how often the embedded database is backed up; backupLate when the doctor complains.
const (
	backupEvery = 24 * time.Hour
	backupLate  = 2 * backupEvery
)

// backupLayout is a backup's name by its moment in UTC.
const backupLayout = "afterhours-20060102-150405.dump"

func backupFolder(s settings) string { return filepath.Join(s.DataDir, "backups") }

func backupName(now time.Time) string { return now.UTC().Format(backupLayout) }

// backupsIn are the backups of a folder, oldest first, and the moment of the newest. Other files are not ours.
func backupsIn(folder string) (names []string, newest time.Time, err error) {
	entries, err := os.ReadDir(folder) // in the order of their names
	if err != nil && !os.IsNotExist(err) {
		return nil, time.Time{}, fmt.Errorf("folder of backups: %w", err)
	}
	for _, entry := range entries {
		if at, err := time.Parse(backupLayout, entry.Name()); err == nil {
			names, newest = append(names, entry.Name()), at
		}
	}
	return names, newest, nil
}

// backUp writes the day's backup of the embedded database where it is due, and removes the oldest beyond those that are
// kept. Databases elsewhere have keepers of their own.
func (a *application) backUp(ctx context.Context) error {
	if a.db.server == nil || a.settings.BackupKeep == 0 {
		return nil
	}
	folder := backupFolder(a.settings)
	_, newest, err := backupsIn(folder)
	if err != nil || a.now().Sub(newest) < backupEvery {
		return err
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("folder of backups: %w", err)
	}
	file := filepath.Join(folder, backupName(a.now()))
	if err := dump(ctx, a.db.pool, file); err != nil {
		return err
	}
	a.log.Info("database backed up", "file", file)
	names, _, err := backupsIn(folder)
	if err != nil {
		return err
	}
	for _, name := range names[:max(0, len(names)-a.settings.BackupKeep)] {
		if err := os.Remove(filepath.Join(folder, name)); err != nil {
			return fmt.Errorf("old backup: %w", err)
		}
	}
	return nil
}

// checkBackups tells whether the embedded database was backed up of late.
func checkBackups(s settings, now time.Time) verdict {
	if s.DatabaseURL != "" {
		return good("the database is kept elsewhere, and so are its backups")
	}
	if s.BackupKeep == 0 {
		return warning("set "+variable("backup-keep"), "no backups are made")
	}
	names, newest, err := backupsIn(backupFolder(s))
	switch {
	case err != nil:
		return bad("make the folder readable", "%s", oneLine(err))
	case len(names) == 0:
		return warning("serve makes one within an hour of its start, or run `afterhours backup`", "there is no backup yet")
	case now.Sub(newest) > backupLate:
		return bad("look for \"not backed up\" in serve's log, or run `afterhours backup`", "the newest backup is of %s", newest.Format(time.RFC3339))
	}
	return good("%d kept, the newest of %s", len(names), newest.Format(time.RFC3339))
}
