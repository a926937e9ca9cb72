package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"afterhours/parser"
)

type parseCommand struct {
	File string `arg:"" optional:"" default:"-" help:"A file with one RFC 5322 message; - reads standard input."`
}

// Run prints one JSON object for every input that can be read at all.
func (c *parseCommand) Run(env environment) error {
	raw, err := readInput(c.File, env.stdin)
	if err != nil {
		return fmt.Errorf("read mail: %w", err)
	}
	encoder := json.NewEncoder(env.stdout)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(parser.Parse(raw))
}

func readInput(path string, stdin io.Reader) ([]byte, error) {
	if path == "-" {
		return io.ReadAll(stdin)
	}
	return os.ReadFile(path)
}
