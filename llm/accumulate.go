package llm

import (
	"bytes"
	"cmp"
	"encoding/json"
	"iter"
	"strings"
)

// Collect ranges over seq to its end and returns the whole answer, which is never
// nil. On failure it returns what had arrived together with the error.
func Collect(seq iter.Seq2[Chunk, error]) (*Response, error) {
	var a Accumulator
	for c, err := range seq {
		if err != nil {
			return a.Response(), err
		}
		a.Add(&c)
	}
	return a.Response(), nil
}

// An Accumulator puts chunks together. The zero value is empty and ready. It
// is used by one goroutine at a time.
type Accumulator struct {
	meta    Meta
	usage   *Usage
	choices []partial
}

type partial struct {
	text, reasoning, refusal []byte
	finish                   string
	tools                    []partialTool
}

type partialTool struct {
	index    int
	id, name string
	args     []byte
}

// maxIndex bounds the choice and tool indices taken from a response, so that a
// hostile one cannot make us allocate at will. No API allows more choices.
const maxIndex = 128

// Add appends c. Of several usages the last wins, as providers that send one
// with every chunk send running totals.
func (a *Accumulator) Add(c *Chunk) {
	if c.Meta != nil {
		a.meta.Merge(c.Meta)
	}
	if c.Usage != nil {
		a.usage = c.Usage
	}
	if !c.HasContent() && c.Finish == "" {
		return
	}
	if c.Choice < 0 || c.Choice >= maxIndex {
		return
	}
	for len(a.choices) <= c.Choice {
		a.addChoice()
	}
	p := &a.choices[c.Choice]
	if c.Text != "" {
		p.text = append(p.text, c.Text...)
	}
	if c.Reasoning != "" {
		p.reasoning = append(p.reasoning, c.Reasoning...)
	}
	if c.Refusal != "" {
		p.refusal = append(p.refusal, c.Refusal...)
	}
	if c.Finish != "" {
		p.finish = c.Finish
	}
	if c.Tool != nil {
		p.addTool(c.Tool)
	}
}

// addChoice makes room for one more choice, with the buffers that one may have
// left there before [Accumulator.Reset].
func (a *Accumulator) addChoice() {
	n := len(a.choices)
	if n == cap(a.choices) {
		a.choices = append(a.choices, partial{})
		return
	}
	a.choices = a.choices[:n+1]
	p := &a.choices[n]
	*p = partial{text: p.text[:0], reasoning: p.reasoning[:0], refusal: p.refusal[:0]}
}

// maxKept bounds what an empty Accumulator holds on to.
const maxKept = 64 << 10

// Reset empties a. Its buffers are used again, unless they are large; what
// [Accumulator.Response] returned is not affected.
func (a *Accumulator) Reset() {
	a.meta, a.usage = Meta{}, nil
	kept := 0
	for i := range a.choices {
		p := &a.choices[i]
		kept += cap(p.text) + cap(p.reasoning) + cap(p.refusal)
	}
	if kept > maxKept {
		a.choices = nil
	}
	a.choices = a.choices[:0]
}

func (p *partial) addTool(d *ToolDelta) {
	var t *partialTool
	for i := range p.tools {
		if p.tools[i].index == d.Index {
			t = &p.tools[i]
		}
	}
	// Some servers send all of several calls under one index. A fragment that
	// names another call begins it; without ids, one that names another tool, or
	// the same one and begins arguments where those before are whole. One that
	// says again what is whole adds no more than the id.
	if t != nil && d.Name != "" {
		unnamed := d.ID == "" && t.id == ""
		switch {
		case d.ID != "" && t.id != "" && d.ID != t.id:
			t = nil
		case unnamed && t.name != "" && d.Name != t.name:
			t = nil
		case strings.HasPrefix(strings.TrimSpace(d.Arguments), "{") && t.whole():
			if d.Name == t.name && strings.TrimSpace(d.Arguments) == string(bytes.TrimSpace(t.args)) {
				t.id = cmp.Or(t.id, d.ID)
				return
			}
			if unnamed {
				t = nil
			}
		}
	}
	if t == nil {
		if len(p.tools) >= maxIndex {
			return
		}
		p.tools = append(p.tools, partialTool{index: d.Index})
		t = &p.tools[len(p.tools)-1]
	}
	if d.ID != "" {
		t.id = d.ID
	}
	if d.Name != "" {
		t.name = d.Name
	}
	t.args = append(t.args, d.Arguments...)
}

// maxWhole bounds the arguments that are looked at, for each fragment with a name.
const maxWhole = 16 << 10

// whole reports whether the arguments so far are a JSON object.
func (t *partialTool) whole() bool {
	args := bytes.TrimSpace(t.args)
	n := len(args)
	return n > 0 && n <= maxWhole && args[n-1] == '}' && json.Valid(args)
}

// Empty reports whether no content and no finish reason has arrived.
func (a *Accumulator) Empty() bool { return len(a.choices) == 0 }

// Response returns what has arrived so far.
func (a *Accumulator) Response() *Response {
	r := &Response{Meta: a.meta}
	if a.usage != nil {
		u := *a.usage // the consumer has the chunk that it came with
		r.Usage = &u
	}
	if len(a.choices) > 0 {
		r.Choices = make([]Choice, len(a.choices))
	}
	for i := range a.choices {
		p := &a.choices[i]
		c := &r.Choices[i]
		c.Text, c.Reasoning, c.Refusal = string(p.text), string(p.reasoning), string(p.refusal)
		c.Finish = p.finish
		for _, t := range p.tools {
			c.ToolCalls = append(c.ToolCalls, ToolCall{ID: t.id, Name: t.name, Arguments: string(t.args)})
		}
	}
	return r
}
