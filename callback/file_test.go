package callback_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/internal/golden"
	"github.com/callspan/callspan/llm"
)

// TestFileLines: what stands in the file, and each line of it is JSON.
func TestFileLines(t *testing.T) {
	for _, tc := range []struct {
		name string
		o    callback.FileOptions
	}{
		{"json", callback.FileOptions{}},
		{"json with content and tokens", callback.FileOptions{Content: true, Tokens: true}},
		{"text", callback.FileOptions{Format: callback.FileText}},
		{"text with content and tokens", callback.FileOptions{Format: callback.FileText, Content: true, Tokens: true}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var b bytes.Buffer
				f := callback.NewFileWriter(&b, tc.o)
				tour(callback.WithHandlers(t.Context(), f, &opener{recorder{name: "x"}}))
				if err := f.Close(); err != nil {
					t.Fatal(err)
				}
				golden.Equal(t, "testdata/file.txtar", tc.name, numbered(b.String()))
				for line := range strings.Lines(b.String()) {
					if tc.o.Format == callback.FileText {
						if !strings.HasPrefix(line, "time=2000-01-01T00:00:0") {
							t.Errorf("no time: %s", line)
						}
						continue
					}
					var l struct {
						Time, Event, Kind string
						ID                string `json:"run_id"`
						Name              *string
					}
					if err := json.Unmarshal([]byte(line), &l); err != nil {
						t.Errorf("%v: %s", err, line)
					}
					if !strings.HasPrefix(l.Event, "on_") || len(l.ID) != 36 || l.Time == "" || l.Name == nil {
						t.Errorf("incomplete: %s", line)
					}
				}
			})
		})
	}
}

// TestFileOddScore: a score that JSON has no number for takes nothing else away.
func TestFileOddScore(t *testing.T) {
	var b strings.Builder
	f := callback.NewFileWriter(&b, callback.FileOptions{Content: true})
	ctx := callback.WithHandlers(t.Context(), f)
	callback.Do(ctx, &callback.Info{Kind: callback.KindRetriever}, nil, func(context.Context) ([]llm.Document, error) {
		return []llm.Document{{ID: "a", Score: math.NaN(), Text: "roses"}, {ID: "b", Score: 0.5, Text: "lilies"}}, nil
	})
	const want = `"output":[{"id":"a","score":null,"text":"roses"},{"id":"b","score":0.5,"text":"lilies"}]`
	if !strings.Contains(b.String(), want) {
		t.Errorf("%s\nlacks %s", b.String(), want)
	}
}

// TestFileContent: without Content nothing of what is asked, answered, searched
// or found is in the file, except what errors say.
func TestFileContent(t *testing.T) {
	var b bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		tour(callback.WithHandlers(t.Context(), callback.NewFileWriter(&b, callback.FileOptions{Tokens: true})))
	})
	for _, content := range []string{"roses", "pink", "color", "Lilies", "Be brief", "n\":3", "three"} {
		if strings.Contains(b.String(), content) {
			t.Errorf("%q is in the file", content)
		}
	}
	if !strings.Contains(b.String(), "on_llm_new_token") || !strings.Contains(b.String(), "no such model") {
		t.Errorf("no tokens or no error:\n%s", b.String())
	}
}

// TestFileAppends: a file is continued, after a line feed if its last writer was
// cut off.
func TestFileAppends(t *testing.T) {
	path := filepath.Join(t.TempDir(), "runs.jsonl")
	for i, before := range []string{"", "", `{"time":"20`} {
		if i == 2 {
			add(t, path, before)
		}
		f, err := callback.NewFile(path, callback.FileOptions{})
		if err != nil {
			t.Fatal(err)
		}
		chain(t.Context(), fmt.Sprint("run ", i), func(context.Context) error { return nil }, f)
		if err := errors.Join(f.Sync(), f.Close(), f.Close(), f.Err()); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	if len(lines) != 8 || lines[4] != `{"time":"20` {
		t.Fatalf("%d lines:\n%s", len(lines), text)
	}
	for i, want := range map[int]string{0: "run 0", 3: "run 1", 6: "run 2"} {
		if !strings.Contains(lines[i], want) || !json.Valid([]byte(lines[i])) {
			t.Errorf("line %d is %s", i, lines[i])
		}
	}
	if st, err := os.Stat(path); err != nil || st.Mode().Perm()&0o077 != 0 && filepath.Separator == '/' {
		t.Errorf("others may read it: %v, %v", st.Mode(), err)
	}
}

func add(t *testing.T, path, text string) {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	f.Close()
}

// TestFileConcurrentSafe: lines of several goroutines, and of several Files as
// in several processes, stay whole.
func TestFileConcurrentSafe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "runs.jsonl")
	var files []*callback.File
	for range 2 {
		f, err := callback.NewFile(path, callback.FileOptions{Content: true})
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	long := strings.Repeat("pink roses ", 1000) // more than a pipe takes at once
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			for range 10 {
				llm.Collect(callback.Model(says{texts: []string{long}}).Chat(callback.WithHandlers(t.Context(), files[i%2]), question))
			}
		})
	}
	wg.Wait()
	for _, f := range files {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n"))
	if len(lines) != 2*32*10 {
		t.Errorf("%d lines", len(lines))
	}
	for _, l := range lines {
		if !json.Valid(l) {
			t.Fatalf("torn: %.100s", l)
		}
	}
}

func TestNewFileErrors(t *testing.T) {
	dir := t.TempDir()
	for _, tc := range []struct {
		name, path, want string
		is               error
	}{
		{"no path", "", "open file handler: the path is empty", nil},
		{"no directory", filepath.Join(dir, "logs", "runs.jsonl"), "(make the directory " + filepath.Join(dir, "logs") + " first)", fs.ErrNotExist},
		{"a directory", dir, dir, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f, err := callback.NewFile(tc.path, callback.FileOptions{})
			if f != nil || err == nil || !strings.Contains(err.Error(), tc.want) || tc.is != nil && !errors.Is(err, tc.is) {
				t.Errorf("got %v, %v", f, err)
			}
		})
	}
}

// writer writes to a buffer what the functions in turn let through.
type writer struct {
	bytes.Buffer
	turns []func(b *bytes.Buffer, p []byte) (int, error)
}

func (w *writer) Write(p []byte) (int, error) {
	if len(w.turns) == 0 {
		return w.Buffer.Write(p)
	}
	turn := w.turns[0]
	w.turns = w.turns[1:]
	return turn(&w.Buffer, p)
}

// reports catches what is said through slog meanwhile.
func reports(t *testing.T) *bytes.Buffer {
	var b bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&b, nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
	return &b
}

// TestFileFailures: what cannot be written is reported once and kept, the
// observed code notices nothing, and later lines are whole.
func TestFileFailures(t *testing.T) {
	full := errors.New("disk full")
	whole := func(b *bytes.Buffer, p []byte) (int, error) { return b.Write(p) }
	fail := func(*bytes.Buffer, []byte) (int, error) { return 0, full }
	half := func(b *bytes.Buffer, p []byte) (int, error) { n, _ := b.Write(p[:len(p)/2]); return n, full }
	lazy := func(b *bytes.Buffer, p []byte) (int, error) { return b.Write(p[:3]) }
	bad := func(*bytes.Buffer, []byte) (int, error) { panic("faulty writer") }
	type turns []func(*bytes.Buffer, []byte) (int, error)
	for _, tc := range []struct {
		name  string
		turns turns
		is    error
		err   string
		lines int // that are whole
	}{
		{"nothing fails", nil, nil, "", 6},
		{"the disk is full for a while", turns{whole, fail, fail}, full, "2 lines lost: disk full", 4},
		{"it is full in the middle of a line", turns{half, whole}, full, "1 line lost: disk full", 5},
		{"it stays full after half a line", turns{half, fail}, full, "2 lines lost: disk full", 4},
		{"a writer that takes less", turns{lazy}, io.ErrShortWrite, "1 line lost: short write", 5},
		{"a writer that panics", turns{whole, bad}, nil, "1 line lost: panic: faulty writer", 5},
	} {
		t.Run(tc.name, func(t *testing.T) {
			said := reports(t)
			panics := callback.Panics()
			w := &writer{turns: tc.turns}
			f := callback.NewFileWriter(w, callback.FileOptions{})
			rec := &recorder{}
			ctx := callback.WithHandlers(t.Context(), f, rec)
			for range 3 {
				if err := chain(ctx, "x", func(context.Context) error { return nil }); err != nil {
					t.Errorf("the caller got %v", err)
				}
			}
			err := f.Close()
			if (err == nil) != (tc.err == "") || err != nil && !strings.Contains(err.Error(), tc.err) || tc.is != nil && !errors.Is(err, tc.is) {
				t.Errorf("Close: %v, want %q", err, tc.err)
			}
			if got := f.Err(); fmt.Sprint(got) != fmt.Sprint(err) {
				t.Errorf("Err: %v", got)
			}
			n := 0
			for l := range bytes.Lines(w.Bytes()) {
				if json.Valid(l) {
					n++
				}
			}
			if n != tc.lines {
				t.Errorf("%d lines are whole, want %d:\n%s", n, tc.lines, w.String())
			}
			want := 0
			if tc.err != "" {
				want = 1
			}
			if got := strings.Count(said.String(), "file handler cannot write"); got != want {
				t.Errorf("reported %d times:\n%s", got, said)
			}
			if _, ends := rec.last(t); ends != 3 || callback.Panics() != panics {
				t.Errorf("other handlers saw %d runs, %d panics", ends, callback.Panics()-panics)
			}
		})
	}
}

func TestFileFullDisk(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("no /dev/full here")
	}
	reports(t)
	f, err := callback.NewFile("/dev/full", callback.FileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	chain(t.Context(), "x", func(context.Context) error { return nil }, f)
	for _, tc := range []struct {
		name string
		err  error
	}{{"Err", f.Err()}, {"Sync", f.Sync()}, {"Close", f.Close()}, {"Close again", f.Close()}} {
		if !errors.Is(tc.err, syscall.ENOSPC) || tc.err.Error() != "file handler /dev/full: 2 lines lost: write /dev/full: no space left on device" {
			t.Errorf("%s: %v", tc.name, tc.err)
		}
	}
}

// A disk is a writer whose space is used up when it is synced, as that of a
// network file system may be.
type disk struct {
	bytes.Buffer
	full error
}

func (d *disk) Sync() error { return d.full }

// TestFileSync: what syncing says is not hidden, and what is lost neither.
func TestFileSync(t *testing.T) {
	for _, tc := range []struct {
		name string
		w    io.Writer
		want string
	}{
		{"no disk below it", &bytes.Buffer{}, "<nil>"},
		{"synced", &disk{}, "<nil>"},
		{"a terminal has no disk", &disk{full: &fs.PathError{Op: "sync", Path: "/dev/tty", Err: syscall.EINVAL}}, "<nil>"},
		{"nor has a writer that says so", &disk{full: fmt.Errorf("sync: %w", errors.ErrUnsupported)}, "<nil>"},
		{"full", &disk{full: syscall.ENOSPC}, "sync file handler *callback_test.disk: no space left on device"},
		{"full before", &lossy{disk{full: syscall.EIO}}, "file handler *callback_test.lossy: 2 lines lost: no space left on device; sync: input/output error"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			reports(t)
			f := callback.NewFileWriter(tc.w, callback.FileOptions{})
			chain(t.Context(), "x", func(context.Context) error { return nil }, f)
			if err := f.Sync(); fmt.Sprint(err) != tc.want {
				t.Errorf("Sync: %v\nwant %s", err, tc.want)
			}
		})
	}
}

// lossy takes no line.
type lossy struct{ disk }

func (*lossy) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

// TestFileNotMade: a File that nobody made says so, and panics nowhere.
func TestFileNotMade(t *testing.T) {
	const want = "file handler: it was not made by callback.NewFile or NewFileWriter, so nothing is written"
	said := reports(t)
	panics := callback.Panics()
	var zero callback.File
	for range 2 {
		if err := chain(t.Context(), "x", func(context.Context) error { return nil }, &zero); err != nil {
			t.Error(err)
		}
	}
	if n := strings.Count(said.String(), want); n != 1 || callback.Panics() != panics {
		t.Errorf("reported %d times, %d panics:\n%s", n, callback.Panics()-panics, said)
	}
	for name, f := range map[string]*callback.File{"zero": &zero, "nil": nil} {
		for method, err := range map[string]error{"Err": f.Err(), "Sync": f.Sync(), "Close": f.Close()} {
			if err == nil || err.Error() != want {
				t.Errorf("%s, %s: %v", name, method, err)
			}
		}
	}
}

// TestFileClosed: what comes after Close is lost and counted, also the end of a
// run that had started.
func TestFileClosed(t *testing.T) {
	said := reports(t)
	path := filepath.Join(t.TempDir(), "runs.jsonl")
	f, err := callback.NewFile(path, callback.FileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	chain(t.Context(), "x", func(context.Context) error { return f.Close() }, f)
	chain(t.Context(), "y", func(context.Context) error { return nil }, f)
	if err := f.Err(); err == nil || err.Error() != "file handler "+path+": 3 lines lost: the handler is closed" {
		t.Errorf("error %v", err)
	}
	if err := f.Sync(); err == nil {
		t.Error("a closed file can be synced")
	}
	if n := strings.Count(said.String(), "\n"); n != 1 {
		t.Errorf("reported %d times:\n%s", n, said)
	}
	if text, _ := os.ReadFile(path); bytes.Count(text, []byte("\n")) != 1 {
		t.Errorf("file:\n%s", text)
	}
}

// loop is a value that contains itself; brash one whose texts panic.
type (
	loop  map[string]any
	brash struct{}
)

func (brash) MarshalJSON() ([]byte, error) { panic("brash") }
func (brash) String() string               { panic("brash") }
func (brash) Error() string                { panic("brash") }

// TestOddValues: whatever a program uses as input, output, data and metadata,
// Print and File have a line for it.
func TestOddValues(t *testing.T) {
	self := loop{}
	self["self"] = self
	var none *llm.Request
	for _, v := range []any{nil, none, (*callback.Search)(nil), (*callback.ToolCall)(nil), (*callback.MemoryChange)(nil), (*callback.Attempt)(nil),
		(*llm.EmbedRequest)(nil), (*llm.EmbedResponse)(nil), &llm.Request{}, &llm.EmbedResponse{}, self, brash{}, &brash{},
		func() {}, make(chan int), 1i, []byte("\xff"), "\xe7\x8e", strings.Repeat("é", 3000), []llm.Document{{}}, []llm.Message{{}},
		map[string]any{"f": func() {}}} {
		var lines, text, shown bytes.Buffer
		panics := callback.Panics()
		ctx := callback.WithHandlers(t.Context(), callback.Print(&shown), callback.NewFileWriter(&lines, callback.FileOptions{Content: true, Tokens: true}),
			callback.NewFileWriter(&text, callback.FileOptions{Format: callback.FileText, Content: true}), callback.Log(slog.New(slog.DiscardHandler)))
		ctx = callback.WithMetadata(ctx, map[string]any{"odd": v})
		for _, kind := range []callback.Kind{"", callback.KindLLM, callback.KindTool, callback.KindRetriever, callback.KindChain, "home grown\n"} {
			callback.Do(ctx, &callback.Info{Kind: kind, Input: v}, nil, func(ctx context.Context) (any, error) {
				for _, e := range []callback.EventKind{"", callback.EventRetry, callback.EventText, callback.EventAgentAction} {
					callback.Emit(ctx, callback.Event{Kind: e, Data: v})
				}
				return v, brash{}
			})
		}
		if n := callback.Panics() - panics; n != 0 {
			t.Errorf("%T: %d panics", v, n)
		}
		for _, b := range []*bytes.Buffer{&lines, &text, &shown} {
			all := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
			if len(all) != 6*6 && b != &shown || slices.ContainsFunc(all, func(l string) bool { return len(l) > 14000 }) {
				t.Errorf("%T: %d lines:\n%.3000s", v, len(all), b)
			}
		}
		for l := range bytes.Lines(lines.Bytes()) {
			if !json.Valid(l) {
				t.Errorf("%T: no JSON: %s", v, l)
			}
		}
	}
}
