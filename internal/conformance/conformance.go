// Package conformance judges exported telemetry by OpenTelemetry's conventions
// for generative AI. The judge is semconv_check.py with its rules, a program of
// its own so that it shares no mistake with the code it judges:
//
//	python3 internal/conformance/semconv_check.py --strict FILE
//
// [Check] and [Find] run it from a test.
package conformance

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var (
	//go:embed semconv_check.py
	program []byte
	//go:embed semconv_rules.json
	rules []byte
)

// Check fails t with what semconv_check.py finds in file, which holds lines of
// OTLP JSON. Warnings count, as with its flag --strict; args are further flags,
// such as "--no-content" or "--require-op", "chat". Without python3 the test is
// skipped.
func Check(t testing.TB, file string, args ...string) {
	t.Helper()
	out, err := run(t, append([]string{"--strict"}, args...), file)
	if err != nil {
		t.Errorf("%s breaks the conventions (%v):\n%s", file, err, strings.TrimSpace(string(out)))
	}
}

// A Finding is something that semconv_check.py finds.
type Finding struct {
	Level string `json:"level"` // "error" or "warn"
	ID    string `json:"id"`    // of the check, such as "S05"
	Where string `json:"where"`
	Msg   string `json:"msg"`
}

// Span returns the id of the span that f is about, in hexadecimal; "" if it is
// about none.
func (f *Finding) Span() string {
	_, id, _ := strings.Cut(f.Where, " id=")
	return id
}

// Find returns what semconv_check.py finds in file, for tests that know which
// warnings are due. It fails t if the file cannot be read; otherwise it is like
// Check.
func Find(t testing.TB, file string, args ...string) (all []Finding) {
	t.Helper()
	out, err := run(t, append([]string{"--json"}, args...), file)
	for line := range bytes.Lines(out) {
		var f Finding
		if json.Unmarshal(line, &f) == nil {
			all = append(all, f)
		}
	}
	var failed *exec.ExitError
	if err != nil && (!errors.As(err, &failed) || failed.ExitCode() != 1) {
		t.Fatal(fmt.Errorf("check conventions of %s: %w: %s", file, err, out))
	}
	return all
}

// run runs the program over file.
func run(t testing.TB, args []string, file string) ([]byte, error) {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("conventions are not checked: python3 is not installed")
	}
	dir := t.TempDir()
	script := filepath.Join(dir, "semconv_check.py")
	if err := errors.Join(os.WriteFile(script, program, 0o600), os.WriteFile(filepath.Join(dir, "semconv_rules.json"), rules, 0o600)); err != nil {
		t.Fatal(fmt.Errorf("check conventions: %w", err))
	}
	return exec.CommandContext(t.Context(), python, append(append([]string{script}, args...), file)...).CombinedOutput()
}
