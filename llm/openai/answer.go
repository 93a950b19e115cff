package openai

import (
	"github.com/callspan/callspan/llm"
)

// An answer reads what comes back from one of the APIs into chunks, frame by
// frame or whole, and tells a whole answer from one that was cut.
type answer struct {
	api      string
	frame    frame
	event    responseFrame
	progress progress
	done     bool // the stream said that it was whole

	chunk llm.Chunk            // the one that is handed out
	each  func(*llm.Chunk)     // whom to
	pass  func(llm.Chunk) bool // does it, made once
}

func newAnswer(api string, whole bool) *answer {
	a := &answer{api: api, frame: frame{whole: whole, text: api == llm.APICompletions}, event: responseFrame{whole: whole}}
	a.pass = func(c llm.Chunk) bool {
		a.chunk = c
		a.progress.see(&a.chunk)
		a.each(&a.chunk)
		return true
	}
	return a
}

// read hands out the chunks of a frame, and returns the error that the frame
// holds or is. The chunk that hidden usage comes in is marked.
func (a *answer) read(raw []byte, hidden bool, each func(*llm.Chunk)) error {
	if string(raw) == "[DONE]" {
		a.done = true
		return nil
	}
	if err := a.decode(raw); err != nil {
		return err
	}
	return a.tell(hidden, each)
}

// decode reads a frame.
func (a *answer) decode(raw []byte) error {
	if a.api == llm.APIResponses {
		return a.event.decode(raw)
	}
	return a.frame.decode(raw)
}

// tell hands out the chunks of the frame that was read, and returns the error
// that it holds.
func (a *answer) tell(hidden bool, each func(*llm.Chunk)) error {
	if a.api == llm.APIResponses {
		for i := range a.event.out {
			a.progress.see(&a.event.out[i])
			each(&a.event.out[i])
		}
		if a.event.media {
			a.progress.begin(0)
		}
		a.done = a.done || a.event.ended
		return a.event.failure
	}
	a.each = each
	a.frame.chunks(hidden, a.pass)
	if a.frame.media {
		a.progress.seeMedia(&a.frame)
	}
	return a.frame.failure
}

// over reports whether nothing more is due.
func (a *answer) over() bool { return a.done }

// missing returns what the answer lacks when the stream has ended.
func (a *answer) missing() error {
	switch {
	case a.progress.empty():
		return llm.ErrEmpty
	case a.api == llm.APIResponses && !a.event.ended:
		return llm.ErrTruncated
	case !a.frame.reasons && a.done:
		return nil
	case !a.progress.complete():
		return llm.ErrTruncated
	}
	return nil
}
