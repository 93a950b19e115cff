package cputime

import "slices"

// Alternate runs blocks of n calls of each function in turn, for the given
// number of rounds, and returns the CPU seconds of a block of each: the median
// over the rounds. As the blocks are short and take turns, a slow moment of the
// machine meets all of them, so that their ratios are steady where times are
// not. A round to warm up comes before.
func Alternate(rounds, n int, calls ...func() error) ([]float64, error) {
	times := make([][]float64, len(calls))
	for r := range rounds + 1 {
		for i := range calls {
			k := (i + r) % len(calls) // nobody is always first
			before := Process()
			for range n {
				if err := calls[k](); err != nil {
					return nil, err
				}
			}
			if r > 0 {
				times[k] = append(times[k], (Process() - before).Seconds())
			}
		}
	}
	out := make([]float64, len(calls))
	for i := range times {
		slices.Sort(times[i])
		out[i] = times[i][len(times[i])/2]
	}
	return out, nil
}
