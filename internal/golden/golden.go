// Package golden compares the text that a test produces with a file, and
// rewrites the file when the tests run with -update:
//
//	golden.Equal(t, "testdata/stream.txtar", "tree", got)
//
// Files ending in .txtar hold many sections; others hold one text.
package golden

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/tools/txtar"
)

const flagName = "update"

var (
	_     = flag.Bool(flagName, false, "rewrite golden files with what the tests produce")
	files sync.Mutex // parallel tests may rewrite sections of one file
)

// Updating reports whether the tests run with -update.
func Updating() bool { return flag.Lookup(flagName).Value.String() == "true" }

// Equal fails t, with a diff, unless got is the named section of the txtar
// archive at path, or the whole file if path does not end in .txtar and section
// is "". With -update it writes got there instead, keeping the other sections.
// A line feed is added to got if it does not end in one. It may be called
// concurrently.
func Equal(t testing.TB, path, section, got string) {
	t.Helper()
	if got != "" && !strings.HasSuffix(got, "\n") {
		got += "\n"
	}
	files.Lock()
	defer files.Unlock()
	want, err := read(path, section)
	if err == nil && got == want {
		return
	}
	if Updating() {
		if err := write(path, section, got); err != nil {
			t.Fatal(err)
		}
		return
	}
	name := path
	if section != "" {
		name += ": " + section
	}
	if err != nil {
		t.Errorf("%v; go test -update writes it:\n%s", err, got)
		return
	}
	t.Errorf("%s differs; -want +got, and go test -update rewrites it:\n%s", name, diff(want, got))
}

func read(path, section string) (string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n")) // a check-out may translate line ends
	if section == "" {
		return string(data), nil
	}
	for _, f := range txtar.Parse(data).Files {
		if f.Name == section {
			return string(f.Data), nil
		}
	}
	return "", fmt.Errorf("%s: no section %q", path, section)
}

func write(path, section, text string) error {
	if section == "" {
		return writeFile(path, []byte(text))
	}
	if bad := strings.HasPrefix(text, "-- ") || strings.Contains(text, "\n-- "); bad && len(txtar.Parse([]byte(text)).Files) > 0 {
		return fmt.Errorf("update %s: section %s: the text holds a line that begins a section", path, section)
	}
	archive := &txtar.Archive{}
	data, err := os.ReadFile(path)
	switch {
	case err == nil:
		archive = txtar.Parse(data)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	for i := range archive.Files {
		if f := &archive.Files[i]; f.Name == section {
			f.Data = []byte(text)
			return writeFile(path, txtar.Format(archive))
		}
	}
	archive.Files = append(archive.Files, txtar.File{Name: section, Data: []byte(text)})
	return writeFile(path, txtar.Format(archive))
}

func writeFile(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o644)
}
