//go:build !race

package openai_test

// raceDetector is whether the race detector watches the tests.
const raceDetector = false
