package main

import (
	"testing"
	"testing/fstest"
)

func TestMemoryIsTheLeastThatAnyBoundLeaves(t *testing.T) {
	t.Parallel()
	files := func(pairs ...string) fstest.MapFS {
		root := fstest.MapFS{"proc/meminfo": {Data: []byte("MemTotal:        8388608 kB\nMemFree:         1 kB\n")}}
		for i := 0; i < len(pairs); i += 2 {
			root[pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1])}
		}
		return root
	}
	for name, test := range map[string]struct {
		root fstest.MapFS
		want int64
	}{
		"another system": {fstest.MapFS{}, 0},
		"no bound":       {files("proc/self/cgroup", "0::/user.slice\n", "sys/fs/cgroup/user.slice/memory.max", "max\n"), 8 << 30},
		"a group":        {files("proc/self/cgroup", "0::/a/b\n", "sys/fs/cgroup/a/b/memory.max", "268435456\n"), 256 << 20},
		"a group above":  {files("proc/self/cgroup", "0::/a/b\n", "sys/fs/cgroup/a/memory.max", "268435456\n", "sys/fs/cgroup/a/b/memory.max", "max\n"), 256 << 20},
		"a container":    {files("proc/self/cgroup", "0::/\n", "sys/fs/cgroup/memory.max", "402653184\n"), 384 << 20},
		"version 1":      {files("proc/self/cgroup", "4:memory:/a\n1:cpu:/b\n", "sys/fs/cgroup/memory/a/memory.limit_in_bytes", "268435456\n"), 256 << 20},
		"version 1, none": {
			files("proc/self/cgroup", "4:cpu,memory:/a\n", "sys/fs/cgroup/memory/a/memory.limit_in_bytes", "9223372036854771712\n"), 8 << 30,
		},
	} {
		if got := machineMemory(test.root); got != test.want {
			t.Errorf("%s: got %d, want %d", name, got, test.want)
		}
	}
}
