package conformance_test

import (
	"fmt"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/callspan/callspan/internal/conformance"
)

// outcome is a test that takes note of how it ends instead of failing.
type outcome struct {
	testing.TB
	failed, skipped string
}

func (o *outcome) Errorf(format string, args ...any) { o.failed = fmt.Sprintf(format, args...) }

func (o *outcome) Fatal(args ...any) {
	o.failed = fmt.Sprint(args...)
	runtime.Goexit()
}

func (o *outcome) Skip(args ...any) {
	o.skipped = fmt.Sprint(args...)
	runtime.Goexit()
}

// check returns how a test that calls Check ends.
func check(t *testing.T, file string, args ...string) *outcome {
	o := &outcome{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		conformance.Check(o, file, args...)
	}()
	<-done
	return o
}

func TestCheck(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("the checker is not tested: python3 is not installed")
	}
	for _, tc := range []struct {
		name, file string
		args, want []string // what the failure holds; none passes
	}{
		{"good", "testdata/good.jsonl", []string{"--tree", "--no-content", "--require-op", "chat"}, nil},
		{"bad", "testdata/bad.jsonl", nil, []string{"ERROR E01", "ERROR S02", "want 'chat gpt-4o-mini'", "violations=2", "exit status 1"}},
		{"warning", "testdata/warning.jsonl", nil, []string{"WARN  S05", "recommended gen_ai.response.id missing", "violations=1"}},
		{"operation missing", "testdata/good.jsonl", []string{"--require-op", "execute_tool"}, []string{"ERROR S00"}},
		{"no file", "testdata/none.jsonl", nil, []string{"No such file", "exit status 2"}},
		{"no flag", "testdata/good.jsonl", []string{"--strickt"}, []string{"unrecognized arguments: --strickt"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := check(t, tc.file, tc.args...)
			if (got.failed == "") != (tc.want == nil) || got.skipped != "" {
				t.Fatalf("got failure %q, skip %q", got.failed, got.skipped)
			}
			for _, want := range tc.want {
				if !strings.Contains(got.failed, want) {
					t.Errorf("the failure does not hold %q: %s", want, got.failed)
				}
			}
		})
	}
}

func TestCheckWithoutPython(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if got := check(t, "testdata/bad.jsonl"); got.skipped != "conventions are not checked: python3 is not installed" || got.failed != "" {
		t.Errorf("got failure %q, skip %q", got.failed, got.skipped)
	}
}

func TestFind(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("the checker is not tested: python3 is not installed")
	}
	for _, tc := range []struct{ name, file, want string }{
		{"good", "testdata/good.jsonl", ""},
		{"bad", "testdata/bad.jsonl", "error E01, error S02, "},
		{"warning", "testdata/warning.jsonl", "warn S05, "},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := ""
			for _, f := range conformance.Find(t, tc.file) {
				got += f.Level + " " + f.ID + ", "
				if len(f.Span()) != 16 || f.Msg == "" {
					t.Errorf("finding of span %q says %q", f.Span(), f.Msg)
				}
			}
			if got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}
