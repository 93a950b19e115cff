package retrieval_test

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/callspan/callspan/chain/retrieval"
	"github.com/callspan/callspan/llm"
)

// TestKeywordsLongQuery: a query that is a whole book takes no room for each
// document and word.
func TestKeywordsLongQuery(t *testing.T) {
	var k retrieval.Keywords
	for i := range 2000 {
		if err := k.Add(llm.Document{Text: fmt.Sprint("flower ", i)}); err != nil {
			t.Fatal(err)
		}
	}
	var book strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&book, "word%d ", i)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	found, err := k.Retrieve(t.Context(), book.String()+"1234")
	runtime.ReadMemStats(&after)
	if err != nil || len(found) != 1 || found[0].Text != "flower 1234" {
		t.Errorf("found %v, %v", found, err)
	}
	if got := (after.TotalAlloc - before.TotalAlloc) >> 20; got > 8 {
		t.Errorf("%d MiB were allocated", got)
	}
}

func TestKeywords(t *testing.T) {
	k := &retrieval.Keywords{}
	if err := k.Add(append(flowers,
		llm.Document{ID: "生日", Text: "粉色的玫瑰适合妹妹的生日。"},
		llm.Document{ID: "百合", Text: "白百合代表和平。"},
		llm.Document{ID: "pure", Text: "!!!"},
		llm.Document{ID: "apart", Text: "香水与水果。"},
		llm.Document{ID: "pair", Text: "水与水果香。"},
	)...); err != nil {
		t.Fatal(err)
	}
	shop := retrieval.Options{Filter: func(d llm.Document) bool { return d.Metadata["kind"] == "shop" }}
	for _, tc := range []struct {
		name, query string
		o           retrieval.Options
		want        string
	}{
		{"one word", "tulips", retrieval.Options{}, "tulips"},
		{"capitals and plural", "ROSE", retrieval.Options{}, "roses"},
		{"rare words count more", "Do lilies stand for the shop?", retrieval.Options{Limit: 1}, "lilies"},
		{"none", "orchids", retrieval.Options{}, ""},
		{"no words", "?!", retrieval.Options{}, ""},
		{"Chinese word", "玫瑰", retrieval.Options{}, "生日"},
		{"Chinese character", "百", retrieval.Options{}, "百合"},
		{"Chinese question", "妹妹生日送什么花？", retrieval.Options{}, "生日"},
		{"Chinese pair", "果香", retrieval.Options{}, "pair apart"},
		{"both", "tulips 和平", retrieval.Options{}, "百合 tulips"},
		{"filter", "the shop is open for roses", shop, "hours delivery"},
		{"limit", "for", retrieval.Options{Limit: 2}, "roses lilies"},
		{"least score", "the shop is open for roses", retrieval.Options{MinScore: 4}, "hours"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			docs, err := k.With(tc.o).Retrieve(t.Context(), tc.query)
			if err != nil || ids(docs) != tc.want {
				t.Errorf("found %q, %v, want %q", ids(docs), err, tc.want)
			}
		})
	}
}

// TestKeywordsScore checks the formula of BM25 by hand: two documents of two and
// four words, of which one has the word twice.
func TestKeywordsScore(t *testing.T) {
	var k retrieval.Keywords
	k.Add(llm.Document{ID: "a", Text: "rose rose red blue"}, llm.Document{ID: "b", Text: "tulip white"})
	docs, err := k.Retrieve(t.Context(), "rose rose")
	if err != nil || len(docs) != 1 {
		t.Fatalf("%v, %v", docs, err)
	}
	want := math.Log(2) * 2 * 2.2 / (2 + 1.2*(0.25+0.75*4/3.0))
	if math.Abs(docs[0].Score-want) > 1e-12 {
		t.Errorf("score %v, want %v", docs[0].Score, want)
	}
}

func TestKeywordsChange(t *testing.T) {
	var k retrieval.Keywords
	find := func(query, want string) {
		t.Helper()
		if docs, err := k.Retrieve(t.Context(), query); err != nil || ids(docs) != want {
			t.Errorf("%q found %q, %v, want %q", query, ids(docs), err, want)
		}
	}
	if _, err := k.Retrieve(t.Context(), "a"); !errors.Is(err, retrieval.ErrEmpty) {
		t.Errorf("empty: %v", err)
	}
	k.Add(llm.Document{ID: "a", Text: "red rose"}, llm.Document{ID: "b", Text: "red rose"}, llm.Document{ID: "c", Text: "red tulip"})
	find("red", "a b c")
	k.Add(llm.Document{ID: "a", Text: "white lily"})
	find("red", "b c")
	find("lily", "a")
	if n := k.Delete("b", "nothing", "b"); n != 1 || k.Len() != 2 {
		t.Errorf("%d deleted, %d left", n, k.Len())
	}
	find("red rose", "c")
	k.Add(llm.Document{ID: "c", Text: "blue violet"}, llm.Document{Text: "blue violet"})
	if docs, _ := k.Retrieve(t.Context(), "blue"); len(docs) != 2 || docs[0].ID != "c" || docs[0].Score != docs[1].Score {
		t.Errorf("found %+v", docs)
	}
	for want, docs := range map[string][]llm.Document{
		`add to "keywords": document 1 of 1, "", has no text`:                  {{}},
		`add to "keywords": document 2 of 2 has the id of an earlier one, "x"`: {{ID: "x", Text: "a"}, {ID: "x", Text: "b"}},
	} {
		if err := k.Add(docs...); fmt.Sprint(err) != want {
			t.Errorf("error %v, want %s", err, want)
		}
	}
	if _, err := k.Retrieve(t.Context(), " "); fmt.Sprint(err) != `retrieve from "keywords": the query is empty` {
		t.Errorf("empty query: %v", err)
	}
}

func TestKeywordsConcurrentSafe(t *testing.T) {
	var k retrieval.Keywords
	k.Add(llm.Document{ID: "first", Text: "rose"})
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 50 {
				k.Add(llm.Document{ID: fmt.Sprint(w, i), Text: strings.Repeat("rose ", i)})
				k.Add(llm.Document{ID: fmt.Sprint(w), Text: fmt.Sprint("rose ", i)})
				if docs, err := k.Retrieve(t.Context(), "rose"); err != nil || len(docs) == 0 {
					t.Error(docs, err)
				}
				k.Delete(fmt.Sprint(w, i))
			}
		})
	}
	wg.Wait()
	if k.Len() != 5 {
		t.Errorf("%d documents", k.Len())
	}
}
