package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"afterhours/cmd/afterhours/internal/anonymise"
)

type anonymiseCommand struct {
	Output string   `type:"existingdir" placeholder:"DIR" help:"Where to write; without it beside each file."`
	Files  []string `arg:"" name:"file" type:"existingfile" help:"Mails, one in each file."`
}

// Help says what is replaced and where the result stands.
func (anonymiseCommand) Help() string {
	return "Writes FILE.anonymised.eml, in which people, organisations, hosts, addresses and ids are made up, the same ones in all " +
		"files of a run, so that a sample can be shared. Kind, severity, dates and the shape of links stay. Read the result before you share it."
}

// Run writes one anonymised mail for each file. What cannot be anonymised, or is there already, fails and the rest is done.
func (c *anonymiseCommand) Run(env environment) error {
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return fmt.Errorf("make a key: %w", err)
	}
	anonymiser := anonymise.New(key)
	var faults []error
	for _, file := range c.Files {
		raw, err := os.ReadFile(file)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		out, err := anonymiser.Mail(raw)
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", file, err))
			continue
		}
		target := file + ".anonymised.eml"
		if c.Output != "" {
			target = filepath.Join(c.Output, filepath.Base(target))
		}
		if err := writeNew(target, out); err != nil {
			faults = append(faults, err)
			continue
		}
		fmt.Fprintln(env.stdout, target)
	}
	return errors.Join(faults...)
}

// writeNew writes a file that must not be there yet.
func writeNew(path string, content []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already; remove it, or write elsewhere with --output", path)
	}
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	return errors.Join(err, file.Close())
}
