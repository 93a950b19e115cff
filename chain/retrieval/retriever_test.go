package retrieval_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/chain/retrieval"
	"github.com/callspan/callspan/llm"
)

// lines shows the runs: what each was given, and what it gave.
func (r *runs) lines() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]string, len(r.infos))
	for i, info := range r.infos {
		var given any = info.Input
		switch in := info.Input.(type) {
		case *callback.Search:
			given = *in
		case *llm.EmbedRequest:
			given = len(in.Inputs)
		}
		out[i] = fmt.Sprintf("%s %q %v", info.Kind, info.Name, given)
		for j, parent := range r.infos {
			if parent.ID == info.Parent {
				out[i] += fmt.Sprintf(" below %d", j)
			}
		}
		switch res := r.ends[i]; {
		case res == nil:
			out[i] += ": open"
		case res.Err != nil:
			out[i] += ": " + res.Err.Error()
		default:
			if docs, ok := res.Output.([]llm.Document); ok {
				out[i] += ": " + ids(docs)
			}
		}
	}
	return out
}

// TestRuns: every search is a run, whoever's retriever it is, and what it calls
// is below it.
func TestRuns(t *testing.T) {
	r := &runs{}
	ctx := callback.WithHandlers(t.Context(), r)
	s := &retrieval.Store{Embedder: &bag{}, Name: "flowers", Batch: 3, Options: retrieval.Options{Limit: 2}}
	if err := s.Add(ctx, flowers...); err != nil {
		t.Fatal(err)
	}
	docs, err := retrieval.Retrieve(ctx, s, "pink roses")
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(docs) // does not change what handlers keep
	retrieval.Retrieve(ctx, s.With(retrieval.Options{Limit: 1}), "white lilies")
	k := &retrieval.Keywords{}
	k.Add(flowers...)
	retrieval.Retrieve(ctx, k, "tulips")
	retrieval.Retrieve(ctx, k.With(retrieval.Options{Limit: 7}), "nothing")
	retrieval.Retrieve(ctx, retrieval.Func(func(context.Context, string) ([]llm.Document, error) { return nil, errQuota }), "a")
	retrieval.Retrieve(ctx, s, "")
	want := []string{
		`chain "add to flowers" 5`,
		`embedding "" 3 below 0`,
		`embedding "" 2 below 0`,
		`retriever "flowers" {pink roses 2}: roses lilies`,
		`embedding "" 1 below 3`,
		`retriever "flowers" {white lilies 1}: lilies`,
		`embedding "" 1 below 5`,
		`retriever "keywords" {tulips 4}: tulips`,
		`retriever "keywords" {nothing 7}: `,
		`retriever "" {a 0}: quota is used up`,
		`retriever "flowers" { 2}: retrieve from "flowers": the query is empty`,
	}
	if got := r.lines(); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// TestCallerSeesTheSame: with and without handlers.
func TestCallerSeesTheSame(t *testing.T) {
	s := shop(t)
	for _, query := range []string{"pink roses", ""} {
		plain, plainErr := retrieval.Retrieve(t.Context(), s, query)
		seen, seenErr := retrieval.Retrieve(callback.WithHandlers(t.Context(), &runs{}), s, query)
		if fmt.Sprint(plain) != fmt.Sprint(seen) || fmt.Sprint(plainErr) != fmt.Sprint(seenErr) {
			t.Errorf("%q: %v, %v with handlers, %v, %v without", query, seen, seenErr, plain, plainErr)
		}
	}
}

// TestEndings: a search that panics or is cancelled ends its run all the same.
func TestEndings(t *testing.T) {
	r := &runs{}
	ctx, cancel := context.WithCancelCause(callback.WithHandlers(t.Context(), r))
	search := func(f retrieval.Func) (err error) {
		defer func() { _ = recover() }()
		_, err = retrieval.Retrieve(ctx, f, "a")
		return err
	}
	search(func(context.Context, string) ([]llm.Document, error) { panic("broken") })
	s := shop(t)
	s.Filter = func(llm.Document) bool { panic("broken filter") }
	search(s.Retrieve)
	s.Filter = nil
	cancel(errQuota)
	if err := search(s.Retrieve); !errors.Is(err, context.Canceled) || !errors.Is(err, errQuota) {
		t.Errorf("cancelled: %v", err)
	}
	if _, err := s.Retrieve(t.Context(), "roses"); err != nil { // the lock is free
		t.Error(err)
	}
	var got []string
	for i, info := range r.infos {
		if info.Kind == callback.KindRetriever {
			got = append(got, callback.ErrorType(r.ends[i].Err))
		}
	}
	if want := []string{"panic", "panic", "canceled"}; !slices.Equal(got, want) {
		t.Errorf("runs ended %q, want %q", got, want)
	}
}

func TestRetrieveNil(t *testing.T) {
	for _, ctx := range []context.Context{t.Context(), callback.WithHandlers(t.Context(), &runs{})} {
		for _, r := range []retrieval.Retriever{nil, (*retrieval.Store)(nil), retrieval.Func(nil)} {
			if docs, err := retrieval.Retrieve(ctx, r, "a"); docs != nil || fmt.Sprint(err) != "retrieve: retriever is nil" {
				t.Errorf("%v, %v", docs, err)
			}
		}
	}
	if docs, err := retrieval.Func(nil).Retrieve(t.Context(), "a"); docs != nil || fmt.Sprint(err) != "retrieve: retriever is nil" {
		t.Errorf("a nil function: %v, %v", docs, err)
	}
	s := shop(t)
	//lint:ignore SA1012 a nil context must not panic
	if docs, err := retrieval.Retrieve(nil, s, "roses"); err != nil || docs[0].ID != "roses" {
		t.Errorf("%v, %v", docs, err)
	}
}

// TestUnheard: a search of which nobody is told costs nothing more.
func TestUnheard(t *testing.T) {
	f := retrieval.Func(func(context.Context, string) ([]llm.Document, error) { return flowers, nil })
	ctx := t.Context()
	if got := testing.AllocsPerRun(100, func() { retrieval.Retrieve(ctx, f, "a") }); got > 0 {
		t.Errorf("%v allocations", got)
	}
}

// TestOwnHandlers: the handlers and tags of a store are those of its searches and
// additions, not of what is called for them.
func TestOwnHandlers(t *testing.T) {
	for _, tc := range []struct {
		name string
		make func(*runs) (retrieval.Retriever, error)
		want []string
	}{
		{"store", func(own *runs) (retrieval.Retriever, error) {
			s := &retrieval.Store{Embedder: &bag{}, Handlers: []callback.Handler{own}, Tags: []string{"own"}}
			return s, s.Add(t.Context(), flowers...)
		}, []string{"chain add to store [own]", "retriever store [shop own]"}},
		{"view of a store", func(own *runs) (retrieval.Retriever, error) {
			s := &retrieval.Store{Embedder: &bag{}, Handlers: []callback.Handler{own}, Tags: []string{"own"}}
			return s.With(retrieval.Options{Limit: 1}), s.Add(t.Context(), flowers...)
		}, []string{"chain add to store [own]", "retriever store [shop own]"}},
		{"keywords", func(own *runs) (retrieval.Retriever, error) {
			k := &retrieval.Keywords{Handlers: []callback.Handler{own}, Tags: []string{"own"}}
			return k, k.Add(flowers...)
		}, []string{"retriever keywords [shop own]"}},
		{"another's", func(own *runs) (retrieval.Retriever, error) {
			return described{retrieval.Description{Name: "archive", Handlers: []callback.Handler{own}, Tags: []string{"own"}}}, nil
		}, []string{"retriever archive [shop own]"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			own, all := &runs{}, &runs{}
			r, err := tc.make(own)
			if err != nil {
				t.Fatal(err)
			}
			ctx := callback.WithTags(callback.WithHandlers(t.Context(), all), "shop")
			local := &runs{}
			if _, err := retrieval.Retrieve(ctx, r, "pink roses", local); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, i := range own.infos {
				got = append(got, fmt.Sprintf("%s %s %v", i.Kind, i.Name, i.Tags))
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("its handlers saw %q, want %q", got, tc.want)
			}
			if len(local.infos) != 1 {
				t.Errorf("the handlers of the search saw %d runs", len(local.infos))
			}
			for _, i := range all.infos {
				if slices.Contains(i.Tags, "own") != (i.Kind == callback.KindRetriever) {
					t.Errorf("%s has tags %v", i.Kind, i.Tags)
				}
			}
		})
	}
}

// described is a retriever that finds nothing and says so.
type described struct{ retrieval.Description }

func (d described) Describe() retrieval.Description { return d.Description }
func (described) Retrieve(context.Context, string) ([]llm.Document, error) {
	return nil, nil
}
