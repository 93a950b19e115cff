package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/callspan/callspan/internal/testenv"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	testenv.Clear()
	goleak.VerifyTestMain(m)
}

// TestRun: the buffer grows without end, the windows do not, and summaries cost
// calls of their own.
func TestRun(t *testing.T) {
	t.Setenv("OPENAI_API_KEY", "")
	var b bytes.Buffer
	if err := run(t.Context(), &b, 30); err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(b.String(), "总计\n")
	if !ok {
		t.Fatalf("no table in\n%s", b.String())
	}
	var got []string
	for line := range strings.Lines(table) {
		f := strings.Fields(line)
		got = append(got, strings.Join(f[1:7], " ")) // without the Chinese name and the money
	}
	// Tokens of the first, the middle and the last turn, calls, all tokens.
	want := []string{
		"Buffer 80 994 1827 30 28312",
		"Window 80 395 394 30 10149",
		"TokenWindow 80 505 625 30 13656",
		"Summary 409 813 975 60 22219",
		"SummaryBuffer 80 452 1226 41 19424",
	}
	if !slices.Equal(got, want) {
		t.Errorf("table\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if n := strings.Count(b.String(), "  +"+strings.Repeat("-", 30)+"\n"); n != 5 {
		t.Errorf("%d charts", n)
	}
}
