package backends

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// outcome is a test that takes note of how it ends instead of failing.
type outcome struct {
	testing.TB
	failed, skipped string
}

func (o *outcome) Fatalf(format string, args ...any) {
	o.failed = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func (o *outcome) Skipf(format string, args ...any) {
	o.skipped = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// try returns how a test that does f ends.
func try(t *testing.T, f func(testing.TB)) *outcome {
	t.Helper()
	o := &outcome{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(o)
	}()
	<-done
	return o
}

// TestNotAsked skips, in one line that says how to ask.
func TestNotAsked(t *testing.T) {
	t.Setenv(variable, "")
	for name, f := range map[string]func(testing.TB){
		"jaeger":  func(t testing.TB) { StartJaeger(t) },
		"otelcol": func(t testing.TB) { StartCollector(t, "collector-config.yaml") },
	} {
		o := try(t, f)
		if o.failed != "" || !strings.Contains(o.skipped, "CALLSPAN_BACKENDS=1 go test ./internal/backends/...") || strings.Contains(o.skipped, "\n") {
			t.Errorf("%s: failed %q, skipped %q", name, o.failed, o.skipped)
		}
	}
}

// TestNotStarted says what a program wrote that does not come up.
func TestNotStarted(t *testing.T) {
	s := service{path: "go", args: []string{"tool", "flowers"}, listen: []string{"A"}, ready: "http://${A}/"}
	o := try(t, func(t testing.TB) { s.start(t) })
	if !strings.Contains(o.failed, "it ended at once\n") || !strings.Contains(o.failed, "flowers") {
		t.Errorf("got %q", o.failed)
	}
}
