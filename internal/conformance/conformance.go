// Package conformance judges exported telemetry by OpenTelemetry's conventions
// for generative AI. The judge is semconv_check.py with its rules, a program of
// its own so that it shares no mistake with the code it judges:
//
//	python3 internal/conformance/semconv_check.py --strict FILE
//
// [Check] runs it from a test.
package conformance

import (
	_ "embed"
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
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("conventions are not checked: python3 is not installed")
	}
	dir := t.TempDir()
	script := filepath.Join(dir, "semconv_check.py")
	if err := errors.Join(os.WriteFile(script, program, 0o600), os.WriteFile(filepath.Join(dir, "semconv_rules.json"), rules, 0o600)); err != nil {
		t.Fatal(fmt.Errorf("check conventions: %w", err))
	}
	args = append(append([]string{script, "--strict"}, args...), file)
	out, err := exec.CommandContext(t.Context(), python, args...).CombinedOutput()
	if err != nil {
		t.Errorf("%s breaks the conventions (%v):\n%s", file, err, strings.TrimSpace(string(out)))
	}
}
