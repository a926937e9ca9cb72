package main

import (
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
	fields := statOf(pid)
	if len(fields) < 15 {
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

// familyTime is processorTime with the children that live.
func familyTime(pid int) (all time.Duration) {
	for _, pid := range family(pid) {
		all += processorTime(pid)
	}
	return all
}

// familyMemory is the memory of a process and its children in MiB: what they share counts once.
func familyMemory(pid int) (all float64) {
	for _, pid := range family(pid) {
		all += procFigure(pid, "smaps_rollup", "Pss")
	}
	return all
}

// procFigure is a figure of a file in /proc/PID that counts kB, in MiB. 0 where the system has none.
func procFigure(pid int, file, name string) float64 {
	content, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), file))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(content)) {
		if figure, ok := strings.CutPrefix(line, name+":"); ok {
			kilobytes, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(figure), " kB"))
			if err == nil {
				return float64(kilobytes) / 1024
			}
		}
	}
	return 0
}

// family is a process and its children that live.
func family(pid int) []int {
	all := []int{pid}
	entries, _ := os.ReadDir("/proc") // none on another system
	for _, entry := range entries {
		child, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if fields := statOf(child); len(fields) > 1 && fields[1] == strconv.Itoa(pid) {
			all = append(all, child)
		}
	}
	return all
}

// statOf is /proc/PID/stat from the state on, the parent its second field.
func statOf(pid int) []string {
	content, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return nil
	}
	_, rest, _ := strings.Cut(string(content), ") ") // the name before may hold anything
	return strings.Fields(rest)
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
