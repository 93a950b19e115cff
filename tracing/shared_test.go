package tracing_test

import (
	"fmt"
	"iter"
	"strings"
	"testing"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
	"github.com/callspan/callspan/tracing"
)

// TestCallsOfOneContext: calls on one context, whose chunks come in turns, keep
// what they asked and were answered apart, also where one ends before another and
// a later one uses its memory again.
func TestCallsOfOneContext(t *testing.T) {
	const calls, chunks = 8, 20
	r := record(tracing.WithContent(tracing.ContentBoth))
	ctx := callback.WithHandlers(t.Context(), r.tracer)
	type call struct {
		next func() (llm.Chunk, error, bool)
		stop func()
	}
	open := func(n int) call {
		m := scripted{}
		for i := range chunks + n { // of different lengths
			m.chunks = append(m.chunks, llm.Chunk{Text: fmt.Sprintf("a%d.%d ", n, i)})
		}
		m.chunks = append(m.chunks, llm.Chunk{Finish: "stop", Meta: &llm.Meta{ID: fmt.Sprint("id", n)}, Usage: &llm.Usage{Input: 100 + n, Output: n + 1}})
		next, stop := iter.Pull2(callback.Model(m).Chat(ctx, ask(fmt.Sprintf("q%d", n))))
		return call{next, stop}
	}
	var turns []call
	for n := range calls {
		turns = append(turns, open(n))
	}
	for n := calls; len(turns) > 0; {
		for i := 0; i < len(turns); i++ {
			if _, err, ok := turns[i].next(); err != nil {
				t.Fatal(err)
			} else if ok {
				continue
			}
			turns[i].stop()
			if turns = append(turns[:i], turns[i+1:]...); n < 2*calls {
				turns = append(turns, open(n))
				n++
			}
		}
	}
	spans := r.spans()
	if len(spans) != 2*calls {
		t.Fatalf("%d spans, want %d", len(spans), 2*calls)
	}
	seen := map[string]bool{}
	for _, s := range spans {
		var n int
		id := value(s.Attributes(), "gen_ai.response.id").AsString()
		fmt.Sscanf(id, "id%d", &n)
		seen[id] = true
		var said strings.Builder
		for i := range chunks + n {
			fmt.Fprintf(&said, "a%d.%d ", n, i)
		}
		for key, want := range map[string]string{
			"gen_ai.input.messages":  fmt.Sprintf(`[{"role":"user","parts":[{"type":"text","content":"q%d"}]}]`, n),
			"gen_ai.output.messages": fmt.Sprintf(`[{"role":"assistant","parts":[{"type":"text","content":"%s"}],"finish_reason":"stop"}]`, said.String()),
		} {
			if got := value(s.Attributes(), key).AsString(); got != want {
				t.Errorf("%s: %s = %s, want %s", id, key, got, want)
			}
		}
		if got := value(s.Attributes(), "gen_ai.usage.input_tokens").AsInt64(); got != int64(100+n) {
			t.Errorf("%s: %d input tokens, want %d", id, got, 100+n)
		}
		var told strings.Builder
		for _, e := range s.Events() {
			told.WriteString(value(e.Attributes, "callspan.token.text").AsString())
		}
		if told.String() != said.String() {
			t.Errorf("%s: the events say %q, want %q", id, told.String(), said.String())
		}
	}
	if len(seen) != 2*calls {
		t.Errorf("%d calls have spans, want %d", len(seen), 2*calls)
	}
}
