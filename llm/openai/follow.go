package openai

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/internal/sse"
	"github.com/callspan/callspan/llm"
)

// A follower reads a response's body along, piece by piece, tells a run of it
// and ends the run where the answer ends.
type follower struct {
	run    *callback.Call
	resp   *http.Response
	answer *answer
	each   func(*llm.Chunk) // tells run
	form   form
	failed bool // the response's status is an error
	embed  bool
	hidden bool          // the usage was asked for on behalf of the handlers
	opaque bool          // in an encoding that is not known here
	whole  []byte        // of a response that does not stream
	long   bool          // whole is not
	events *sse.Splitter // of one that does
	start  start         // of one that does
	ended  bool

	done    bool  // whole has been read
	outcome error // of that
}

// A form is how a response comes.
type form int

const (
	formUnknown form = iota // its first bytes will tell
	formWhole
	formStream
)

// see reads a piece along.
func (f *follower) see(p []byte) {
	switch {
	case f.ended:
	case f.form == formWhole:
		f.keep(p, maxFrame)
	case f.form == formUnknown:
		f.keep(p, maxFrame)
		switch start := bytes.TrimLeft(f.text(), " \t\r\n"); {
		case len(start) == 0, bytes.HasPrefix(mark, f.whole): // no telling yet
		case start[0] == '{' || start[0] == '[' || start[0] == '<':
			f.form, f.events, f.answer = formWhole, nil, newAnswer(f.answer.api, true)
		default:
			f.form = formStream
			f.start.see(f.whole)
			f.events.Write(f.whole)
		}
	default:
		if len(f.whole) > 0 || p[0] == '{' {
			f.keep(p, maxTail) // a plain error in place of a stream, perhaps
		}
		f.start.see(p)
		f.events.Write(p)
	}
}

// keep collects a response that does not stream, up to a limit.
func (f *follower) keep(p []byte, limit int) {
	if f.long = f.long || len(f.whole)+len(p) > limit; !f.long {
		f.whole = append(f.whole, p...)
	}
}

// text returns what has been kept, without the byte order mark that clients skip.
func (f *follower) text() []byte { return bytes.TrimPrefix(f.whole, mark) }

var mark = []byte("\ufeff")

// event takes one event of a stream.
func (f *follower) event(e sse.Event) {
	if f.ended {
		return
	}
	data := bytes.TrimSpace(e.Data)
	if len(data) == 0 {
		return
	}
	if string(e.Name) == "error" {
		if err := eventError(data, f.answer.api); err != nil {
			f.endWithin(err)
			return
		}
	}
	err := f.answer.read(data, f.hidden, f.each)
	if err != nil && bytes.IndexByte(data, '\n') >= 0 && errors.Is(err, llm.ErrMalformed) {
		// A server that leaves out the empty lines.
		for line := range bytes.Lines(data) {
			if err = f.answer.read(bytes.TrimSpace(line), f.hidden, f.each); err != nil {
				break
			}
		}
	}
	if err != nil && e.Cut {
		err = llm.ErrTruncated
	}
	if err != nil {
		f.endWithin(err)
	} else if f.answer.over() {
		f.endWithin(f.missing())
	}
}

// wholeEvent reports whether a line of data is an event by itself: the API's
// events are JSON objects in one line, and what does not begin as one is no part
// of one.
func wholeEvent(data []byte) bool {
	data = bytes.TrimSpace(data)
	return len(data) > 0 && (data[0] != '{' || json.Valid(data))
}

// conclude ends the run where the body has come to its end.
func (f *follower) conclude() {
	if f.form != formStream || f.opaque {
		f.end(f.read())
		return
	}
	f.events.Close()
	if !f.ended {
		f.end(f.missing())
	}
}

// missing returns what a stream lacks that has ended.
func (f *follower) missing() error {
	err := f.answer.missing()
	switch {
	case err == nil:
	case f.events.Missed() > 0:
		return errLong
	case f.answer.progress.empty():
		if e := errorBody(f.text()); e != nil {
			return e
		}
		if f.start.strange() {
			return notEvents(f.resp.Header)
		}
	}
	return err
}

// read reads a whole response, once.
func (f *follower) read() error {
	if !f.done {
		f.done, f.outcome = true, f.readWhole()
	}
	return f.outcome
}

func (f *follower) readWhole() error {
	switch {
	case f.failed:
		return statusError(f.resp, f.text())
	case f.long || f.opaque:
		return nil // an answer, but not one that can be looked into
	case f.embed:
		resp, err := readEmbedding(f.text())
		f.run.Output(resp)
		return err
	}
	whole := bytes.TrimSpace(f.text())
	if f.form == formUnknown && len(whole) == 0 {
		return llm.ErrEmpty
	}
	if err := f.answer.read(whole, false, f.each); err != nil {
		return err
	}
	if f.answer.progress.empty() && !f.answer.event.later {
		return llm.ErrEmpty
	}
	return nil
}

func (f *follower) end(err error) {
	f.ended = true
	f.whole = nil
	f.run.End(withoutKeys(err, f.resp.Request))
}

// endWithin ends the run before the body has ended, which the client may read on.
func (f *follower) endWithin(err error) {
	f.run.Settle(true, withoutKeys(err, f.resp.Request))
	f.end(err)
}

// enough reports whether what has come is an answer: a client need not read up
// to the end to see that it is whole.
func (f *follower) enough() bool {
	switch {
	case f.form == formStream:
		return f.answer.progress.complete()
	case f.failed:
		return true
	}
	return json.Valid(f.text())
}
