package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// clockTick is the unit of /proc/PID/stat, which has been a hundredth of a second on every Linux of ours.
const clockTick = 10 * time.Millisecond

// processorTime is what a process has used so far, and those of its children that ended. 0 where the system does not tell.
func processorTime(pid int) time.Duration {
	return statTime(filepath.Join("/proc", strconv.Itoa(pid), "stat"), func(int) bool { return true })
}

// familyTime is processorTime with the children that live.
func familyTime(pid int) time.Duration {
	total := processorTime(pid)
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // only a bad pattern fails
	for _, path := range stats {
		total += statTime(path, func(parent int) bool { return parent == pid })
	}
	return total
}

// statTime reads one process whose parent is of the family.
func statTime(path string, family func(parent int) bool) time.Duration {
	content, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	_, rest, _ := bytes.Cut(content, []byte(") ")) // the name before may hold anything
	fields := strings.Fields(string(rest))
	if len(fields) < 15 {
		return 0
	}
	if parent, err := strconv.Atoi(fields[1]); err != nil || !family(parent) {
		return 0
	}
	ticks := 0
	for _, field := range fields[11:15] {
		n, err := strconv.Atoi(field)
		if err != nil {
			return 0
		}
		ticks += n
	}
	return time.Duration(ticks) * clockTick
}

// postmaster is the process of the Postgres whose cluster lies in a folder; 0 where there is none.
func postmaster(cluster string) int {
	content, err := os.ReadFile(filepath.Join(cluster, "postmaster.pid"))
	if err != nil {
		return 0
	}
	line, _, _ := strings.Cut(string(content), "\n")
	pid, err := strconv.Atoi(line)
	if err != nil {
		return 0
	}
	return pid
}
