package retrieval_test

import (
	"cmp"
	"context"
	"hash/fnv"
	"strings"
	"sync"
	"testing"
	"unicode"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/chain/retrieval"
	"github.com/callspan/callspan/internal/testenv"
	"github.com/callspan/callspan/llm"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	testenv.Clear()
	goleak.VerifyTestMain(m)
}

// bag embeds a text as its words: each counts in a place of the vector.
type bag struct {
	dimensions int // 0 is 512

	mu    sync.Mutex
	calls [][]string // the inputs of each
}

func (b *bag) Embed(_ context.Context, req *llm.EmbedRequest) (*llm.EmbedResponse, error) {
	b.mu.Lock()
	b.calls = append(b.calls, req.Inputs)
	b.mu.Unlock()
	resp := &llm.EmbedResponse{Meta: llm.Meta{Model: "bag"}}
	for _, text := range req.Inputs {
		v := make([]float32, cmp.Or(b.dimensions, 512))
		for _, w := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) }) {
			h := fnv.New32a()
			h.Write([]byte(w))
			v[h.Sum32()%uint32(len(v))]++
		}
		resp.Vectors = append(resp.Vectors, v)
	}
	return resp, nil
}

// embedded returns the texts of all calls.
func (b *bag) embedded() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []string
	for _, inputs := range b.calls {
		all = append(all, inputs...)
	}
	return all
}

// table embeds the texts that it holds.
type table map[string][]float32

func (t table) Embed(_ context.Context, req *llm.EmbedRequest) (*llm.EmbedResponse, error) {
	resp := &llm.EmbedResponse{}
	for _, text := range req.Inputs {
		resp.Vectors = append(resp.Vectors, t[text])
	}
	return resp, nil
}

// flowers are what the shop knows.
var flowers = []llm.Document{
	{ID: "roses", Text: "Pink roses stand for admiration and joy.", Metadata: map[string]string{"kind": "flower"}},
	{ID: "lilies", Text: "White lilies stand for peace, and their pollen stains.", Metadata: map[string]string{"kind": "flower"}},
	{ID: "hours", Text: "The shop is open from nine to six, on Sundays until noon.", Metadata: map[string]string{"kind": "shop"}},
	{ID: "delivery", Text: "Delivery in the city is free for orders above forty euros.", Metadata: map[string]string{"kind": "shop"}},
	{ID: "tulips", Text: "Tulips come in spring and last for five days.", Metadata: map[string]string{"kind": "flower"}},
}

func ids(docs []llm.Document) string {
	out := make([]string, len(docs))
	for i := range docs {
		out[i] = docs[i].ID
	}
	return strings.Join(out, " ")
}

// runs is a handler that keeps what it is told.
type runs struct {
	mu    sync.Mutex
	infos []*callback.Info
	ends  []*callback.Result
}

func (r *runs) Start(ctx context.Context, i *callback.Info) (context.Context, callback.Run) {
	r.mu.Lock()
	defer r.mu.Unlock()
	at := len(r.infos)
	r.infos, r.ends = append(r.infos, i), append(r.ends, nil)
	return ctx, ended{r, at}
}

type ended struct {
	r  *runs
	at int
}

func (e ended) End(res *callback.Result) {
	e.r.mu.Lock()
	defer e.r.mu.Unlock()
	e.r.ends[e.at] = res
}

// shop returns a store with the flowers in it.
func shop(t testing.TB) *retrieval.Store {
	t.Helper()
	s := &retrieval.Store{Embedder: &bag{}, Name: "flowers"}
	if err := s.Add(t.Context(), flowers...); err != nil {
		t.Fatal(err)
	}
	return s
}
