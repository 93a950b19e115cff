// Package cputime tells how much CPU time the process has used, for benchmarks
// that compare: it is steadier than the clock on a busy machine.
package cputime
