package retrieval_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/callspan/callspan/chain/retrieval"
	"github.com/callspan/callspan/llm"
)

// TestRecall: a document is found by words that it alone has.
func TestRecall(t *testing.T) {
	s := shop(t)
	for query, want := range map[string]string{
		"pink roses":                   "roses",
		"do the lilies stain?":         "lilies",
		"when is the shop open?":       "hours",
		"is delivery free in the city": "delivery",
		"which come in spring":         "tulips",
	} {
		docs, err := retrieval.Retrieve(t.Context(), s, query)
		if err != nil || len(docs) != 4 || docs[0].ID != want {
			t.Errorf("%q found %s, %v, want %s first of four", query, ids(docs), err, want)
		}
	}
}

// TestRecallOfMany: of 500 texts of 30 words, each is found by 10 of its own.
func TestRecallOfMany(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 6))
	s := &retrieval.Store{Embedder: &bag{}, Options: retrieval.Options{Limit: 1}}
	docs, queries := make([]llm.Document, 500), make([]string, 500)
	for i := range docs {
		words := make([]string, 30)
		for j := range words {
			words[j] = string([]rune{'a' + rng.Int32N(26), 'a' + rng.Int32N(26), 'a' + rng.Int32N(26)})
		}
		docs[i] = llm.Document{ID: fmt.Sprint(i), Text: strings.Join(words, " ")}
		queries[i] = strings.Join(words[10:20], " ")
	}
	if err := s.Add(t.Context(), docs...); err != nil {
		t.Fatal(err)
	}
	found := 0
	for i := 0; i < len(docs); i += 5 {
		got, err := s.Retrieve(t.Context(), queries[i])
		if err != nil {
			t.Fatal(err)
		}
		if got[0].ID == docs[i].ID {
			found++
		}
	}
	if found < 98 {
		t.Errorf("%d of 100 documents found first", found)
	}
}

// vectors returns n random vectors by the names of their documents, and one
// named "?". Coarse ones have values of -1, 0 and 1 and a length that is a power
// of 2, so that their cosines are exact and many are equal.
func vectors(rng *rand.Rand, n, dimensions int, coarse bool) table {
	t := table{}
	for i := range n + 1 {
		v := make([]float32, dimensions)
		for j := range v {
			v[j] = float32(rng.NormFloat64())
		}
		if coarse {
			clear(v)
			for range 4 {
				for {
					if j := rng.IntN(dimensions); v[j] == 0 {
						v[j] = float32(1 - 2*rng.IntN(2))
						break
					}
				}
			}
		}
		t[fmt.Sprint(i)] = v
	}
	t["?"] = t[fmt.Sprint(n)]
	delete(t, fmt.Sprint(n))
	return t
}

func cosine(a, b []float32) float64 {
	var ab, aa, bb float64
	for i := range a {
		ab += float64(a[i]) * float64(b[i])
		aa += float64(a[i]) * float64(a[i])
		bb += float64(b[i]) * float64(b[i])
	}
	return ab / math.Sqrt(aa*bb)
}

// TestTopAgreesWithSorting: what is found is what sorting all documents gives,
// with any limit, filter and least score, by one goroutine and by several.
func TestTopAgreesWithSorting(t *testing.T) {
	rng := rand.New(rand.NewPCG(10, 1536))
	for round := range 100 {
		n, dimensions := 1+rng.IntN(300), 5+rng.IntN(20)
		if round == 0 {
			n, dimensions = 3000, 1000 // large enough to be divided
		}
		coarse := rng.IntN(2) == 0
		embedder := vectors(rng, n, dimensions, coarse)
		s := &retrieval.Store{Embedder: embedder, Batch: 1 + rng.IntN(200), Options: retrieval.Options{Limit: 1 + rng.IntN(n+3)}}
		if rng.IntN(3) == 0 {
			s.MinScore = rng.Float64() - 0.3
		}
		part := 1 + rng.IntN(4)
		in := func(d llm.Document) bool { return len(d.ID)%part == 0 }
		if part > 1 {
			s.Filter = in
		}
		var docs, want []llm.Document
		for i := range n {
			d := llm.Document{ID: fmt.Sprint(i), Text: fmt.Sprint(i)}
			docs = append(docs, d)
			d.Score = cosine(embedder["?"], embedder[d.Text])
			if in(d) && (s.MinScore == 0 || d.Score >= s.MinScore) {
				want = append(want, d)
			}
		}
		slices.SortStableFunc(want, func(a, b llm.Document) int { return cmp.Compare(b.Score, a.Score) })
		want = want[:min(len(want), s.Limit)]
		if err := s.Add(t.Context(), docs...); err != nil {
			t.Fatal(err)
		}
		got, err := s.Retrieve(t.Context(), "?")
		if err != nil || len(got) != len(want) {
			t.Fatalf("%d found, %v, want %d", len(got), err, len(want))
		}
		for i := range got {
			if math.Abs(got[i].Score-want[i].Score) > 1e-6 || coarse && got[i].ID != want[i].ID {
				t.Fatalf("%d of %d dimensions, place %d: %s %v, want %s %v", n, dimensions, i, got[i].ID, got[i].Score, want[i].ID, want[i].Score)
			}
		}
	}
}

// TestScoreOfItself: a score is never above 1, however the sums are rounded.
func TestScoreOfItself(t *testing.T) {
	embedder := vectors(rand.New(rand.NewPCG(3, 7)), 50, 100, false)
	s := &retrieval.Store{Embedder: embedder, Options: retrieval.Options{Limit: 1}}
	for i := range 50 {
		text := fmt.Sprint(i)
		if err := s.Add(t.Context(), llm.Document{ID: text, Text: text}); err != nil {
			t.Fatal(err)
		}
		if docs, err := s.Retrieve(t.Context(), text); err != nil || docs[0].ID != text || docs[0].Score > 1 || docs[0].Score < 1-1e-6 {
			t.Errorf("found %+v, %v", docs, err)
		}
	}
}

func TestOptions(t *testing.T) {
	s := shop(t)
	const query = "Pink roses and white lilies stand in the shop."
	for _, tc := range []struct {
		name string
		o    retrieval.Options
		want string
	}{
		{"zero value", retrieval.Options{}, "roses lilies tulips delivery"},
		{"limit", retrieval.Options{Limit: 1}, "roses"},
		{"limit beyond all", retrieval.Options{Limit: 1 << 62}, "roses lilies tulips delivery hours"},
		{"least score", retrieval.Options{MinScore: 0.3}, "roses lilies"},
		{"least score above all", retrieval.Options{MinScore: 1.1}, ""},
		{"filter", retrieval.Options{Filter: func(d llm.Document) bool { return d.Metadata["kind"] == "shop" }}, "delivery hours"},
		{"filter that takes none", retrieval.Options{Filter: func(llm.Document) bool { return false }}, ""},
		{"diversity with everything", retrieval.Options{Limit: 1 << 62, Diversity: 1}, "roses hours delivery tulips lilies"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			docs, err := s.With(tc.o).Retrieve(t.Context(), query)
			if err != nil || ids(docs) != tc.want {
				t.Errorf("found %q, %v, want %q", ids(docs), err, tc.want)
			}
		})
	}
}

// TestDiversity: of two that say the same, the second gives way to one that says
// something else.
func TestDiversity(t *testing.T) {
	s := &retrieval.Store{Options: retrieval.Options{Limit: 2}, Embedder: table{
		"?": {1, 0.5, 0}, "a": {1, 0.1, 0}, "same as a": {1, 0.1, 0}, "else": {0, 1, 0}, "far": {0, 0, 1},
	}}
	for _, text := range []string{"a", "same as a", "else", "far"} {
		if err := s.Add(t.Context(), llm.Document{ID: text, Text: text}); err != nil {
			t.Fatal(err)
		}
	}
	for diversity, want := range map[float64]string{0: "a same as a", 0.01: "a same as a", 0.5: "a else", 1: "a far"} {
		o := s.Options
		o.Diversity = diversity
		docs, err := s.With(o).Retrieve(t.Context(), "?")
		if err != nil || ids(docs) != want {
			t.Errorf("diversity %v: %q, %v, want %q", diversity, ids(docs), err, want)
		}
	}
}

// TestAddAgain: an id is there once, in its first place, and only a text that is
// new is embedded.
func TestAddAgain(t *testing.T) {
	b := &bag{}
	s := &retrieval.Store{Embedder: b}
	add := func(docs ...llm.Document) {
		t.Helper()
		b.calls = nil
		if err := s.Add(t.Context(), docs...); err != nil {
			t.Fatal(err)
		}
	}
	add(llm.Document{ID: "a", Text: "red rose"}, llm.Document{ID: "b", Text: "red rose"}, llm.Document{Text: "tulip"}, llm.Document{Text: "tulip"})
	if got := b.embedded(); !slices.Equal(got, []string{"red rose", "red rose", "tulip"}) || s.Len() != 3 {
		t.Errorf("embedded %q, %d kept", got, s.Len())
	}
	labels := map[string]string{"year": "2026"}
	add(llm.Document{ID: "a", Text: "red rose", Metadata: labels, Score: 9}, llm.Document{ID: "b", Text: "blue violet"}, llm.Document{Text: "tulip"})
	if got := b.embedded(); !slices.Equal(got, []string{"blue violet"}) || s.Len() != 3 {
		t.Errorf("embedded %q, %d kept", got, s.Len())
	}
	labels["year"] = "changed"
	docs, err := s.Retrieve(t.Context(), "red rose")
	if err != nil || docs[0].ID != "a" || docs[0].Metadata["year"] != "2026" || docs[0].Score < 0.99 || docs[0].Score > 1 {
		t.Errorf("found %+v, %v", docs, err)
	}
	if docs, err := s.Retrieve(t.Context(), "blue violet"); err != nil || docs[0].ID != "b" || docs[0].Score < 0.99 {
		t.Errorf("found %+v, %v", docs, err)
	}
	if docs[1].ID != "b" || docs[1].Text != "blue violet" || len(docs[2].ID) != 16 {
		t.Errorf("found %+v", docs)
	}
	docs[0].ID = "changed"
	if again, _ := s.Retrieve(t.Context(), "red rose"); again[0].ID != "a" {
		t.Error("what was found is shared with the store")
	}
}

func TestDelete(t *testing.T) {
	s := shop(t)
	if n := s.Delete("lilies", "hours", "lilies", "nothing"); n != 2 || s.Len() != 3 {
		t.Errorf("%d deleted, %d left", n, s.Len())
	}
	for query, want := range map[string]string{"pink roses": "roses", "delivery": "delivery", "tulips": "tulips"} {
		if docs, err := s.Retrieve(t.Context(), query); err != nil || docs[0].ID != want || len(docs) != 3 {
			t.Errorf("%q found %s, %v", query, ids(docs), err)
		}
	}
	if n := s.DeleteFunc(func(d llm.Document) bool { return d.Metadata["kind"] == "flower" }); n != 2 || s.Len() != 1 {
		t.Errorf("%d deleted, %d left", n, s.Len())
	}
	func() {
		defer func() { _ = recover() }()
		s.DeleteFunc(func(llm.Document) bool { panic("broken") })
	}()
	if s.Delete("delivery") != 1 || s.Len() != 0 {
		t.Errorf("%d left", s.Len())
	}
	s.Embedder = &bag{dimensions: 7} // another model may follow
	if err := s.Add(t.Context(), flowers...); err != nil || s.Len() != 5 {
		t.Errorf("%d, %v", s.Len(), err)
	}
}

// TestBatches: texts go in batches that are bounded in number and bytes.
func TestBatches(t *testing.T) {
	long := strings.Repeat("rose ", 20_000) // 100 kB
	for _, tc := range []struct {
		name  string
		batch int
		texts []string
		want  []int
	}{
		{"none", 0, nil, nil},
		{"default", 0, make([]string, 250), []int{100, 100, 50}},
		{"three", 3, make([]string, 7), []int{3, 3, 1}},
		{"long", 0, []string{long, long, long, "a", long + long + long, "b"}, []int{2, 2, 1, 1}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := &bag{}
			s := &retrieval.Store{Embedder: b, Batch: tc.batch}
			var docs []llm.Document
			for i, text := range tc.texts {
				docs = append(docs, llm.Document{ID: fmt.Sprint(i), Text: "text " + text})
			}
			if err := s.Add(t.Context(), docs...); err != nil {
				t.Fatal(err)
			}
			var got []int
			for _, inputs := range b.calls {
				got = append(got, len(inputs))
			}
			if !slices.Equal(got, tc.want) || s.Len() != len(docs) {
				t.Errorf("batches of %v, want %v; %d kept", got, tc.want, s.Len())
			}
		})
	}
}

var errQuota = errors.New("quota is used up")

// TestAddFails: what was embedded before a failure stays, and adding again asks
// for the rest alone.
func TestAddFails(t *testing.T) {
	b := &bag{}
	calls := 0
	ctx, cancel := context.WithCancelCause(t.Context())
	s := &retrieval.Store{Name: "flowers", Batch: 2, Embedder: llm.EmbedderFunc(func(ctx context.Context, req *llm.EmbedRequest) (*llm.EmbedResponse, error) {
		resp, _ := b.Embed(ctx, req)
		switch calls++; calls {
		case 2: // one of two came
			resp.Vectors = resp.Vectors[:1]
			return resp, errQuota
		case 3:
			cancel(errQuota) // this batch is the last
		}
		return resp, nil
	})}
	check := func(ctx context.Context, left int, want string) {
		t.Helper()
		err := s.Add(ctx, flowers...)
		if fmt.Sprint(err) != want || s.Len() != 5-left {
			t.Errorf("%d kept, error %v, want %s", s.Len(), err, want)
		}
		if err != nil && !errors.Is(err, errQuota) {
			t.Errorf("%v hides its cause", err)
		}
	}
	check(t.Context(), 2, `add to "flowers": 3 of 5 texts are embedded: quota is used up`)
	check(ctx, 0, "<nil>")
	if got := b.embedded()[4:]; len(got) != 2 || got[0] != flowers[3].Text {
		t.Errorf("embedded again: %q", got)
	}
	s.Delete("tulips")
	check(ctx, 1, `add to "flowers": 0 of 1 texts are embedded: context canceled: quota is used up`)
	if calls != 3 {
		t.Errorf("%d calls after the context ended", calls)
	}
}

// TestStoreErrors: each says what is wrong with which document.
func TestStoreErrors(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	good := table{"one": {1, 0}, "two": {0, 1}, "?": {1, 1}, "zero": {0, 0}, "nan": {nan, 1}, "inf": {inf, 1},
		"long": {1, 2, 3}, "empty": {}, "tiny": {1e-45, 0}, "huge": {math.MaxFloat32, math.MaxFloat32}}
	gives := func(resp *llm.EmbedResponse, err error) llm.Embedder {
		return llm.EmbedderFunc(func(context.Context, *llm.EmbedRequest) (*llm.EmbedResponse, error) { return resp, err })
	}
	docs := func(texts ...string) (out []llm.Document) {
		for i, text := range texts {
			out = append(out, llm.Document{ID: string(rune('a' + i)), Text: text})
		}
		return out
	}
	for _, tc := range []struct {
		name     string
		embedder llm.Embedder
		docs     []llm.Document
		query    string
		want     string
	}{
		{"fine", good, docs("one", "two", "tiny", "huge"), "?", ""},
		{"no documents", good, nil, "?", `retrieve from "store": it holds no documents; add some first`},
		{"empty query", good, docs("one"), " \n", `retrieve from "store": the query is empty`},
		{"no embedder", nil, docs("one"), "?", `add to "store": 0 of 1 texts are embedded: it has no Embedder; set one`},
		{"embedder is nil", (*bag)(nil), docs("one"), "?", `add to "store": 0 of 1 texts are embedded: it has no Embedder; set one`},
		{"no text", good, docs("one", " "), "?", `add to "store": document 2 of 2, "b", has no text`},
		{"same id", good, append(docs("one"), docs("two")...), "?", `add to "store": document 2 of 2 has the id of an earlier one, "a"`},
		{"same id and text", good, append(docs("one"), docs("one")...), "?", `add to "store": document 2 of 2 has the id of an earlier one, "a"`},
		{"no answer", gives(nil, nil), docs("one"), "?", `add to "store": 0 of 1 texts are embedded: the embedder gave 0 vectors for 1 texts`},
		{"too few vectors", gives(&llm.EmbedResponse{Vectors: [][]float32{{1}}}, nil), docs("one", "two"), "?", `add to "store": 0 of 2 texts are embedded: the embedder gave 1 vectors for 2 texts`},
		{"too many vectors", gives(&llm.EmbedResponse{Vectors: [][]float32{{1}, {1}}}, nil), docs("one"), "?", `add to "store": 0 of 1 texts are embedded: the embedder gave 2 vectors for 1 texts`},
		{"too many vectors and an error", gives(&llm.EmbedResponse{Vectors: [][]float32{{1}, {0}, {1}}}, errQuota), docs("one", "two"), "?", `add to "store": 0 of 2 texts are embedded: quota is used up`},
		{"zero", good, docs("one", "zero"), "?", `add to "store": 0 of 2 texts are embedded: document "b": its vector is zero, which is like nothing`},
		{"not a number", good, docs("one", "nan"), "?", `add to "store": 0 of 2 texts are embedded: document "b": its vector holds a value that is no finite number`},
		{"infinite", good, docs("inf"), "?", `add to "store": 0 of 1 texts are embedded: document "a": its vector holds a value that is no finite number`},
		{"empty vector", good, docs("empty"), "?", `add to "store": 0 of 1 texts are embedded: document "a": its vector is empty`},
		{"mixed", good, docs("one", "long"), "?", `add to "store": 0 of 2 texts are embedded: document "b": its vector has 3 dimensions, that of "a" has 2`},
		{"query of another model", good, docs("one"), "long", `retrieve from "store": the query's vector has 3 dimensions, those in the store have 2; a store needs one model for all`},
		{"query without a vector", good, docs("one"), "zero", `retrieve from "store": the query: its vector is zero, which is like nothing`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := &retrieval.Store{Embedder: tc.embedder}
			err := s.Add(t.Context(), tc.docs...)
			if err != nil && s.Len() != 0 {
				t.Errorf("%d documents are kept", s.Len())
			}
			if err == nil {
				_, err = s.Retrieve(t.Context(), tc.query)
			}
			if got := fmt.Sprint(err); got != cmp.Or(tc.want, "<nil>") {
				t.Errorf("error %s, want %s", got, tc.want)
			}
			if empty := tc.name == "no documents"; errors.Is(err, retrieval.ErrEmpty) != empty {
				t.Errorf("%v is ErrEmpty: %v", err, !empty)
			}
		})
	}
	s := &retrieval.Store{Embedder: good}
	if err := errors.Join(s.Add(t.Context(), docs("one")...), s.Add(t.Context(), llm.Document{ID: "z", Text: "long"})); err == nil ||
		!strings.HasSuffix(err.Error(), `document "z": its vector has 3 dimensions, those in the store have 2; a store needs one model for all`) {
		t.Errorf("another model: %v", err)
	}
	s.Embedder = gives(nil, errQuota)
	if _, err := s.Retrieve(t.Context(), "?"); fmt.Sprint(err) != `retrieve from "store": quota is used up` {
		t.Errorf("query cannot be embedded: %v", err)
	}
}

// TestRequest: the settings go with each call, documents and queries alike.
func TestRequest(t *testing.T) {
	var got []string
	s := &retrieval.Store{Request: llm.EmbedRequest{Model: "m", Dimensions: 2, User: "u", Inputs: []string{"left over"}},
		Embedder: llm.EmbedderFunc(func(_ context.Context, req *llm.EmbedRequest) (*llm.EmbedResponse, error) {
			got = append(got, fmt.Sprintf("%s %v %d %s", req.Model, req.Inputs, req.Dimensions, req.User))
			return &llm.EmbedResponse{Vectors: [][]float32{{1, 2}}}, nil
		})}
	if err := s.Add(t.Context(), llm.Document{Text: "a"}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Retrieve(t.Context(), "b"); err != nil {
		t.Fatal(err)
	}
	if want := []string{"m [a] 2 u", "m [b] 2 u"}; !slices.Equal(got, want) {
		t.Errorf("requests %q, want %q", got, want)
	}
}

// TestStoreConcurrentSafe: searches, additions and deletions at the same time
// neither race nor mix up documents and vectors.
func TestStoreConcurrentSafe(t *testing.T) {
	const writers, rounds = 4, 30
	embedder := table{"?": {1, 1, 1, 1}}
	for w := range writers {
		for i := range rounds {
			v := []float32{0.1, 0.1, 0.1, 0.1}
			v[w]++
			embedder[fmt.Sprintf("%d.%d", w, i)] = v
		}
		q := make([]float32, writers)
		q[w] = 1
		embedder[fmt.Sprintf("?%d", w)] = q
	}
	s := &retrieval.Store{Embedder: embedder}
	if err := s.Add(t.Context(), llm.Document{ID: "first", Text: "?"}); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range rounds {
				text := fmt.Sprintf("%d.%d", w, i)
				if err := s.Add(t.Context(), llm.Document{ID: text, Text: text}, llm.Document{ID: fmt.Sprint(w), Text: text}); err != nil {
					t.Error(err)
				}
				if i%3 == 0 {
					s.Delete(text)
				}
				docs, err := s.Retrieve(t.Context(), fmt.Sprintf("?%d", w))
				if err != nil || !strings.HasPrefix(docs[0].ID, fmt.Sprint(w)) {
					t.Errorf("%d found %s, %v", w, ids(docs), err)
				}
			}
		})
	}
	wg.Wait()
	if n, want := s.Len(), 1+writers+writers*rounds*2/3; n != want {
		t.Errorf("%d documents, want %d", n, want)
	}
}

// TestSearchAllocations: a search allocates no more for many documents.
func TestSearchAllocations(t *testing.T) {
	perSearch := func(n int) float64 {
		rng := rand.New(rand.NewPCG(1, 2))
		s := &retrieval.Store{Embedder: vectors(rng, n, 8, false)}
		for i := range n {
			if err := s.Add(t.Context(), llm.Document{ID: fmt.Sprint(i), Text: fmt.Sprint(i)}); err != nil {
				t.Fatal(err)
			}
		}
		return testing.AllocsPerRun(20, func() {
			if _, err := s.Retrieve(t.Context(), "?"); err != nil {
				t.Fatal(err)
			}
		})
	}
	if few, many := perSearch(10), perSearch(1000); many > few || few > 20 {
		t.Errorf("%v allocations for 10 documents, %v for 1000", few, many)
	}
}
