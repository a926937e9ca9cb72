package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// version is that of the latest entry of CHANGELOG.md.
const version = "0.1.0"

// releasedCommit is written by the linker into releases (deploy/dist): what Go itself notes of a repository depends on how it
// was checked out, and a release is to be the same bytes from anywhere.
var releasedCommit string

type versionCommand struct{}

// Run prints version, commit and Go version on one line.
func (versionCommand) Run(env environment) error {
	fmt.Fprintf(env.stdout, "afterhours %s\n", buildVersion())
	return nil
}

func buildVersion() string {
	commit := "unknown"
	if len(releasedCommit) >= 12 {
		commit = releasedCommit[:12]
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, setting := range info.Settings {
			if setting.Key == "vcs.revision" && len(setting.Value) >= 12 {
				commit = setting.Value[:12]
			}
		}
	}
	return fmt.Sprintf("%s (commit %s, %s)", version, commit, runtime.Version())
}
