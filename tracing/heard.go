package tracing

import (
	"sync"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
)

// What is heard of an answer is used again: it is as long as the answer.
type heard struct {
	times callback.Times
	said  []words // by choice
}

var answers = sync.Pool{New: func() any { return new(heard) }}

// maxPooled bounds what is kept for reuse, so that one huge answer does not stay
// in memory.
const maxPooled = 1 << 14

func (h *heard) tokens() (n int) {
	for choice := range h.times.Choices() {
		n += len(h.times.Of(choice))
	}
	return n
}

func (h *heard) reset() {
	h.times.Reset()
	size := 0
	for i := range h.said {
		size += cap(h.said[i].text)
		h.said[i].reset()
	}
	if size > 8*maxPooled {
		h.said = nil
	}
}

// A spokenRun is the run of a model whose tokens' text is captured.
type spokenRun struct{ *run }

// Token notes what c says. When it came is noted by the run itself, which may know
// of more chunks: a handler around this one can leave some out. The span learns of
// both when it ends.
func (r *spokenRun) Token(c llm.Chunk) {
	if r.done.Load() || !c.HasContent() || c.Choice < 0 || c.Choice >= maxSaid {
		return
	}
	h := r.heard
	n := len(h.times.Of(c.Choice))
	if n == 0 {
		return
	}
	for len(h.said) <= c.Choice {
		h.said = append(h.said, words{})
	}
	h.said[c.Choice].add(&c, n)
}

// maxSaid bounds the choices whose tokens have a text of their own. No API gives
// more; the output messages have the text of all.
const maxSaid = 100

// End closes the span with what the run came to.
func (r *spokenRun) End(res *callback.Result) { r.close(res, r.heard.said) }

// tokenLogs returns what is known of the tokens of each choice that has some.
func (r *run) tokenLogs(said []words) (logs []*tokenLog) {
	if r.heard == nil {
		return nil
	}
	for choice := range r.heard.times.Choices() {
		at := r.heard.times.Of(choice)
		if len(at) == 0 {
			continue
		}
		l := &tokenLog{choice: choice, at: at}
		if choice < len(said) {
			l.words = said[choice]
			l.reach(len(at))
			l.redact(r.tracer.conf.scrub)
		}
		logs = append(logs, l)
	}
	return logs
}
