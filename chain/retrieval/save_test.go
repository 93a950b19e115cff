package retrieval_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/chain/retrieval"
	"github.com/callspan/callspan/llm"
)

func save(t testing.TB, s *retrieval.Store) string {
	t.Helper()
	var b bytes.Buffer
	if err := s.Save(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestSaveLoad: what was saved is found again with the same scores, and nothing
// but the query is embedded for it.
func TestSaveLoad(t *testing.T) {
	s := shop(t)
	saved := save(t, s)
	if n := strings.Count(saved, "\n"); n != 5 || !strings.HasPrefix(saved, `{"id":"roses","text":"Pink roses stand for admiration and joy.","metadata":{"kind":"flower"},"vector":"`) {
		t.Errorf("%d lines, the first %.200s", n, saved)
	}
	b := &bag{}
	loaded := &retrieval.Store{Embedder: b}
	if err := loaded.Load(strings.NewReader(saved)); err != nil {
		t.Fatal(err)
	}
	if again := save(t, loaded); again != saved {
		t.Errorf("saved again: %s", again)
	}
	if err := loaded.Add(t.Context(), flowers...); err != nil || len(b.calls) != 0 {
		t.Errorf("%v, %q embedded", err, b.embedded())
	}
	want, _ := s.Retrieve(t.Context(), "pink roses")
	got, err := loaded.Retrieve(t.Context(), "pink roses")
	if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("found %v, %v, want %v", got, err, want)
	}
	// Into a store with documents: those of the same id are replaced.
	if err := s.Add(t.Context(), llm.Document{ID: "roses", Text: "none left"}, llm.Document{ID: "new", Text: "orchids"}); err != nil {
		t.Fatal(err)
	}
	if err := s.Load(strings.NewReader(saved)); err != nil || s.Len() != 6 {
		t.Errorf("%v, %d documents", err, s.Len())
	}
	if docs, err := s.Retrieve(t.Context(), "pink roses"); err != nil || docs[0].ID != "roses" || docs[0].Text != flowers[0].Text {
		t.Errorf("found %+v, %v", docs, err)
	}
	if err := loaded.Load(strings.NewReader("")); err != nil || save(t, &retrieval.Store{}) != "" {
		t.Errorf("nothing: %v", err)
	}
}

// TestLoadKeepsBits: vectors that were normalized once are not changed again.
func TestLoadKeepsBits(t *testing.T) {
	s := &retrieval.Store{Embedder: vectors(rand.New(rand.NewPCG(5, 5)), 300, 2, false)}
	for i := range 300 {
		if err := s.Add(t.Context(), llm.Document{Text: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	saved, again := save(t, s), &retrieval.Store{}
	if err := again.Load(strings.NewReader(saved)); err != nil || save(t, again) != saved {
		t.Errorf("saved again with other bits, %v", err)
	}
}

// TestSaveIsASnapshot: what is added, changed and deleted while a slow writer
// takes the first lines is not in the later ones.
func TestSaveIsASnapshot(t *testing.T) {
	s := &retrieval.Store{Embedder: vectors(rand.New(rand.NewPCG(5, 5)), 9, 1000, false)}
	for i := range 4 {
		if err := s.Add(t.Context(), llm.Document{ID: fmt.Sprint("id", i), Text: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	want := save(t, s)
	var got strings.Builder
	err := s.Save(writerFunc(func(p []byte) (int, error) {
		s.Delete("id2")
		if err := s.Add(t.Context(), llm.Document{ID: "id3", Text: "7"}, llm.Document{ID: "id8", Text: "8"}); err != nil {
			t.Error(err)
		}
		return got.Write(p)
	}))
	if err != nil || got.String() != want {
		t.Errorf("saved other than what was there, %v", err)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

type fullDisk struct{ room int }

func (d *fullDisk) Write(p []byte) (int, error) {
	if d.room -= len(p); d.room < 0 {
		return 0, errQuota
	}
	return len(p), nil
}

func TestSaveLoadErrors(t *testing.T) {
	s := shop(t)
	for _, room := range []int{0, 5000} {
		if err := s.Save(&fullDisk{room}); !errors.Is(err, errQuota) || !strings.HasPrefix(err.Error(), `save "flowers": `) {
			t.Errorf("full disk: %v", err)
		}
	}
	const line = `{"id":"a","text":"A","vector":"AACAPwAAAAA="}` // 1, 0
	for _, tc := range []struct{ name, text, want string }{
		{"cut", line + "\n" + line[:20], `load into "store": document 2: unexpected EOF`},
		{"not JSON", "id,text\n", `load into "store": document 1: invalid character 'i' looking for beginning of value`},
		{"other JSON", "[1]", `load into "store": document 1: json: cannot unmarshal array into Go value of type retrieval.record`},
		{"no id", `{"text":"A","vector":"AACAPwAAAAA="}`, `load into "store": document 1: it has no id`},
		{"no text", `{"id":"a","vector":"AACAPwAAAAA="}`, `load into "store": document 1 of 1, "a", has no text`},
		{"no vector", `{"id":"a","text":"A"}`, `load into "store": document "a": its vector is empty`},
		{"vector cut", `{"id":"a","text":"A","vector":"AACA"}`, `load into "store": document 1: its vector is cut`},
		{"zero vector", `{"id":"a","text":"A","vector":"AAAAAA=="}`, `load into "store": document "a": its vector is zero, which is like nothing`},
		{"same id", line + line, `load into "store": document 2 of 2 has the id of an earlier one, "a"`},
		{"mixed", line + `{"id":"b","text":"B","vector":"AACAPw=="}`, `load into "store": document "b": its vector has 1 dimensions, that of "a" has 2`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			loaded := &retrieval.Store{}
			if err := loaded.Load(strings.NewReader(tc.text)); fmt.Sprint(err) != tc.want || loaded.Len() != 0 {
				t.Errorf("error %v, want %s; %d loaded", err, tc.want, loaded.Len())
			}
		})
	}
	if err := s.Load(strings.NewReader(line)); err == nil || s.Len() != 5 {
		t.Errorf("another model: %v", err)
	}
	if err := s.Load(io.MultiReader(strings.NewReader(line), &brokenPipe{})); !errors.Is(err, errQuota) {
		t.Errorf("broken pipe: %v", err)
	}
}

type brokenPipe struct{}

func (*brokenPipe) Read([]byte) (int, error) { return 0, errQuota }

// FuzzLoad: whatever is loaded is searched and saved without a panic, and what
// was saved loads as the same.
func FuzzLoad(f *testing.F) {
	f.Add([]byte(save(f, shop(f))[:3000]))
	f.Add([]byte(`{"id":"a","text":"A","vector":"AACAPwAAAAA="}{"id":"b","text":"B","vector":"AAAAAAAAgD8="}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s := &retrieval.Store{Embedder: table{"?": {1, 2}}, Options: retrieval.Options{Diversity: 0.5}}
		if err := s.Load(bytes.NewReader(data)); err != nil {
			if s.Len() != 0 {
				t.Errorf("%d loaded despite %v", s.Len(), err)
			}
			return
		}
		s.Retrieve(t.Context(), "?")
		saved, again := save(t, s), &retrieval.Store{}
		if err := again.Load(strings.NewReader(saved)); err != nil || save(t, again) != saved {
			t.Errorf("loaded %s, %v", saved, err)
		}
	})
}

// TestNil: what is nil is named where there is an error to return, and is of no
// effect elsewhere.
func TestNil(t *testing.T) {
	s := &retrieval.Store{Embedder: table{"one": {1}}}
	if err := s.Add(t.Context(), llm.Document{Text: "one"}); err != nil {
		t.Fatal(err)
	}
	var none *bytes.Buffer
	for _, tc := range []struct {
		err  error
		want string
	}{
		{s.Save(nil), `save "store": the writer is nil`},
		{s.Save(none), `save "store": the writer is nil`},
		{s.Load(nil), `load into "store": the reader is nil`},
		{s.Load(none), `load into "store": the reader is nil`},
	} {
		if fmt.Sprint(tc.err) != tc.want || callback.ErrorType(tc.err) != "invalid_request" {
			t.Errorf("%v of type %s, want %s", tc.err, callback.ErrorType(tc.err), tc.want)
		}
	}
	if n := s.DeleteFunc(nil); n != 0 || s.Len() != 1 {
		t.Errorf("%d deleted, %d left", n, s.Len())
	}
	var ctx context.Context
	asks := retrieval.Func(func(ctx context.Context, _ string) ([]llm.Document, error) { return nil, ctx.Err() })
	if _, err := retrieval.Retrieve(ctx, asks, "?"); err != nil {
		t.Errorf("nil context: %v", err)
	}
}
