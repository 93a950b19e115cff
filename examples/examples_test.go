// Package examples checks what all examples have in common.
package examples

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// maxLines is how long a main.go may be, for a story that is read at once.
const maxLines = 80

func TestExamples(t *testing.T) {
	mains, err := filepath.Glob("*/main.go")
	if err != nil || len(mains) < 12 {
		t.Fatalf("%d examples, %v: the lesson has twelve", len(mains), err)
	}
	for _, path := range mains {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(text, []byte("\n")); n > maxLines {
			t.Errorf("%s has %d lines, more than %d", path, n, maxLines)
		}
		if !bytes.HasPrefix(text, []byte("// ")) {
			t.Errorf("%s does not begin by saying what it shows", path)
		}
		if _, err := os.Stat(filepath.Join(filepath.Dir(path), "main_test.go")); err != nil {
			t.Errorf("nobody checks what %s prints", path)
		}
	}
}
