package oncall

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// ConfigError is one fault of a configuration: what is wrong and how to mend it, on one line. File and Line say where;
// they are empty for what only the configuration in force holds.
type ConfigError struct {
	File    string
	Line    int
	Message string
}

func (e ConfigError) Error() string {
	if e.File == "" {
		return e.Message
	}
	return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Message)
}

// ConfigErrors are all faults of a configuration, one a line, in the order of files and lines; what no file holds comes
// last.
type ConfigErrors []ConfigError

func (e ConfigErrors) Error() string {
	lines := make([]string, len(e))
	for i, fault := range e {
		lines[i] = fault.Error()
	}
	return strings.Join(lines, "\n")
}

// err is e in reading order, or nil where nothing is wrong.
func (e ConfigErrors) err() error {
	if len(e) == 0 {
		return nil
	}
	sorted := slices.Clone(e)
	slices.SortStableFunc(sorted, func(a, b ConfigError) int {
		if (a.File == "") != (b.File == "") {
			return cmp.Compare(b.File, a.File)
		}
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
	return sorted
}
