//go:build !unix

package cputime

import "time"

var began = time.Now()

// Process returns the time since the program began: these systems do not tell
// the CPU time in a portable way.
func Process() time.Duration { return time.Since(began) }
