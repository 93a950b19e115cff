package golden

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// recorder is a test that takes note of its failure instead of failing.
type recorder struct {
	testing.TB
	failure string
}

func (r *recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) { r.failure = fmt.Sprintf(format, args...) }

func (r *recorder) Fatal(args ...any) { r.failure = fmt.Sprint(args...) }

// equal returns what a test that calls Equal fails with.
func equal(t *testing.T, path, section, got string) string {
	r := &recorder{TB: t}
	Equal(r, path, section, got)
	return r.failure
}

func update(t *testing.T, on bool) {
	before := flag.Lookup(flagName).Value.String()
	set := func(v string) {
		if err := flag.Set(flagName, v); err != nil {
			t.Fatal(err)
		}
	}
	set(fmt.Sprint(on))
	t.Cleanup(func() { set(before) })
}

const archive = "A comment.\n\n-- request --\n{}\n-- tree --\none\ntwo\nthree\n"

func TestEqual(t *testing.T) {
	update(t, false)
	dir := t.TempDir()
	path, plain := filepath.Join(dir, "a.txtar"), filepath.Join(dir, "plain.golden")
	for name, text := range map[string]string{path: archive, plain: "one\r\ntwo\r\n"} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, tc := range []struct{ name, path, section, got, want string }{
		{"equal", path, "tree", "one\ntwo\nthree\n", ""},
		{"without the last line feed", path, "tree", "one\ntwo\nthree", ""},
		{"other line ends in the file", plain, "", "one\ntwo\n", ""},
		{"different", path, "tree", "one\n2\nthree\n", path + ": tree differs; -want +got, and go test -update rewrites it:\n  one\n- two\n+ 2\n  three\n"},
		{"no such section", path, "spans", "x", path + `: no section "spans"; go test -update writes it:` + "\nx\n"},
	} {
		if got := equal(t, tc.path, tc.section, tc.got); got != tc.want {
			t.Errorf("%s: got %q, want %q", tc.name, got, tc.want)
		}
	}
	if got := equal(t, filepath.Join(dir, "none"), "", "x"); !strings.HasSuffix(got, "; go test -update writes it:\nx\n") {
		t.Errorf("no such file: got %q", got)
	}
}

func TestUpdate(t *testing.T) {
	update(t, true)
	dir := t.TempDir()
	path, plain := filepath.Join(dir, "a.txtar"), filepath.Join(dir, "new", "plain.golden")
	if err := os.WriteFile(path, []byte(archive), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ path, section, got, failure, file string }{
		{path, "tree", "four", "", strings.Replace(archive, "one\ntwo\nthree", "four", 1)},
		{path, "spans", "five\n", "", strings.Replace(archive, "one\ntwo\nthree", "four", 1) + "-- spans --\nfive\n"},
		{path, "tree", "a\n-- b --\n", "update " + path + ": section tree: the text holds a line that begins a section",
			strings.Replace(archive, "one\ntwo\nthree", "four", 1) + "-- spans --\nfive\n"},
		{plain, "", "six", "", "six\n"},
	} {
		if got := equal(t, tc.path, tc.section, tc.got); got != tc.failure {
			t.Errorf("%s: got failure %q", tc.got, got)
		}
		if b, err := os.ReadFile(tc.path); err != nil || string(b) != tc.file {
			t.Errorf("%s: the file is %q, %v", tc.got, b, err)
		}
	}
	if !Updating() {
		t.Error("not updating")
	}
}

func TestUpdateConcurrentSafe(t *testing.T) {
	update(t, true)
	path := filepath.Join(t.TempDir(), "a.txtar")
	var wg sync.WaitGroup
	for i := range 10 {
		wg.Go(func() { Equal(t, path, fmt.Sprint("section ", i), "x") })
	}
	wg.Wait()
	for i := range 10 {
		if _, err := read(path, fmt.Sprint("section ", i)); err != nil {
			t.Error(err)
		}
	}
}

func TestDiff(t *testing.T) {
	for _, tc := range []struct{ name, want, got, diff string }{
		{"equal", "a\n", "a\n", "  ...\n"},
		{"from nothing", "", "a\nb\n", "+ a\n+ b\n"},
		{"to nothing", "a\n", "", "- a\n"},
		{"in the middle", "1\n2\n3\n4\nold\n5\n6\n7\n8\n", "1\n2\n3\n4\nnew\n5\n6\n7\n8\n", "  ...\n  2\n  3\n  4\n- old\n+ new\n  5\n  6\n  7\n  ...\n"},
		{"moved", "a\nb\nc\n", "b\nc\na\n", "- a\n  b\n  c\n+ a\n"},
	} {
		if got := diff(tc.want, tc.got); got != tc.diff {
			t.Errorf("%s: got\n%s\nwant\n%s", tc.name, got, tc.diff)
		}
	}
}
