// Package callbacktest checks implementations of [callback.Handler], as
// testing/slogtest checks those of slog.Handler:
//
//	func TestMyHandler(t *testing.T) {
//		callbacktest.Test(t, func() callback.Handler { return myhandler.New() })
//	}
//
// It drives the handler through runs of all kinds: nested, side by side,
// streaming, failing, panicking, cancelled, sparsely described. It finds
// handlers that
//
//   - panic, block, or are slow on the caller's way
//   - return a context that has lost values or the end of the given one, or a
//     nil pointer as Run
//   - change what they are shown, at once or later
//   - leave goroutines behind
//   - end runs, or are told of runs that they start themselves
//   - cannot be compared, so that one given twice is told twice
//   - open spans whose ids are not those of a trace
//
// Data races are found by the race detector: run the test with -race.
package callbacktest
