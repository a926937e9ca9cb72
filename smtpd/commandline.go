package smtpd

import (
	"bytes"
	"strconv"
	"strings"
)

// commandLines measures the lines of a dialogue without taking the chunks of BDAT for lines.
type commandLines struct {
	head   []byte // the beginning of the line that is being read
	length int
	chunk  uint64 // octets of a chunk that are still to come
}

// longestBDAT is more than any BDAT command needs.
const longestBDAT = 64

// fresh says whether nothing of a line has been read.
func (l *commandLines) fresh() bool { return l.length == 0 && l.chunk == 0 }

// take goes on with what was read and says whether every line is within its bound.
func (l *commandLines) take(read []byte) bool {
	for len(read) > 0 {
		if l.chunk > 0 {
			skip := min(l.chunk, uint64(len(read)))
			l.chunk -= skip
			read = read[skip:]
			continue
		}
		line, rest, ended := bytes.Cut(read, []byte("\n"))
		l.head = append(l.head, line[:min(len(line), max(0, longestBDAT-len(l.head)))]...)
		l.length += len(line)
		if l.length > maxCommandLine {
			return false
		}
		if ended {
			l.chunk = chunkSize(string(l.head))
			l.head, l.length = l.head[:0], 0
		}
		read = rest
	}
	return true
}

// chunkSize is the number of octets that follow a BDAT command (RFC 3030), 0 after any other line.
func chunkSize(line string) uint64 {
	fields := strings.Fields(line)
	if len(fields) < 2 || len(fields) > 3 || !strings.EqualFold(fields[0], "BDAT") {
		return 0
	}
	size, err := strconv.ParseUint(fields[1], 10, 32)
	if err != nil || len(fields) == 3 && !strings.EqualFold(fields[2], "LAST") {
		return 0
	}
	return size
}
