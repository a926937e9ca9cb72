package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// rosterStale is the age from which on a kept roster says that no gateway refreshes it.
const rosterStale = 10 * time.Minute

// warnings are the sentences about the spool that every page of the desk shows.
func (g *gateway) warnings() []string {
	if g.spool == nil {
		return nil
	}
	var warnings []string
	state := g.spool.State()
	if state.Mails > 0 {
		warnings = append(warnings, fmt.Sprintf("%d %s in this gateway's spool since %s: the database has not taken them yet. Run afterhours doctor.",
			state.Mails, plural(state.Mails, "mail waits", "mails wait"), state.Oldest.Format("2 Jan 15:04 MST")))
	}
	if state.Damaged > 0 {
		warnings = append(warnings, fmt.Sprintf("%d damaged %s set aside in %s. Look into it by hand: it is a mail that was accepted.",
			state.Damaged, plural(state.Damaged, "file was", "files were"), g.spool.Dir()))
	}
	return warnings
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// checkSpool tells whether mail could be kept while the database is away, and what waits there now.
func checkSpool(s settings, sealer sealer, now func() time.Time) verdict {
	if s.Spool == "off" {
		return warning("set "+variable("spool")+"=on where the disk lasts", "off: while the database is away, senders get 451 and try again after 15 minutes or more")
	}
	opened, err := openSpool(s, filepath.Join(s.DataDir, "spool"), now)
	if err != nil {
		return bad("make the folder writable", "%s", oneLine(err))
	}
	state := opened.State()
	if err := opened.CanTake(); err != nil {
		return bad("make room on the disk, or raise "+variable("spool-max-size"), "cannot take mail: %s", oneLine(err))
	}
	switch roster, err := storedRoster(opened, sealer); {
	case state.Damaged > 0:
		return bad("look into the files that end in .damaged in "+opened.Dir(), "%d damaged mails were set aside", state.Damaged)
	case state.Mails > 0:
		return bad("mend the database; the mails go there by themselves", "%d mails wait since %s", state.Mails, state.Oldest.Format(time.RFC3339))
	case errors.Is(err, os.ErrNotExist):
		return warning("start serve on this data directory", "empty; no roster is kept yet")
	case err != nil:
		return bad("start serve with the same "+variable("secret-key"), "%s", oneLine(err))
	case now().Sub(roster.TakenAt) > rosterStale:
		return warning("see that serve runs", "empty; the roster beside it is from %s", roster.TakenAt.Format(time.RFC3339))
	}
	return good("empty, can take mail, a roster is kept beside it")
}
