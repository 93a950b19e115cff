package main

import (
	"flag"
	"fmt"
	"runtime"
	"runtime/debug"
)

// version prints what the build says of itself.
func version(args []string, p process) int {
	fs := flag.NewFlagSet("version", flag.ContinueOnError)
	if code, done := flags(fs, args, p, "usage: callspan version\n"); done {
		return code
	}
	v, revision, dirty := "(unknown)", "", ""
	if info, ok := debug.ReadBuildInfo(); ok {
		v = info.Main.Version
		for _, s := range info.Settings {
			switch {
			case s.Key == "vcs.revision":
				revision = s.Value
			case s.Key == "vcs.modified" && s.Value == "true":
				dirty = ", modified"
			}
		}
	}
	fmt.Fprintf(p.stdout, "callspan %s", v)
	if revision != "" {
		fmt.Fprintf(p.stdout, " (%.12s%s)", revision, dirty)
	}
	fmt.Fprintf(p.stdout, " %s %s/%s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return exitOK
}
