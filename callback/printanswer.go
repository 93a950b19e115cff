package callback

import (
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/callspan/callspan/internal/visible"
	"github.com/callspan/callspan/llm"
)

// How [Print] shows answers while they stream.

// patience is how long an answer may pause before another one streams instead.
const patience = 2 * time.Second

// A piece is text in one colour.
type piece struct{ code, text string }

type printTokenRun struct{ *printRun }

// Token writes the text of a chunk: on a terminal, that of the first choice,
// if no other answer is appearing.
func (r *printTokenRun) Token(c llm.Chunk) {
	if !c.HasContent() {
		return
	}
	p := r.p
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.live {
		r.tokenLine(&c)
		return
	}
	if c.Choice != 0 {
		return
	}
	for _, t := range []piece{{faint, c.Reasoning}, {plain, c.Text}, {red, c.Refusal}} {
		if t.text != "" {
			r.piece(t)
		}
	}
}

// tokenLine writes a chunk as a line, if the answer streams.
func (r *printRun) tokenLine(c *llm.Chunk) {
	if req, ok := r.info.Input.(*llm.Request); ok && req != nil && !req.Stream {
		return
	}
	label := "token"
	if c.Choice > 0 {
		label += " of answer " + strconv.Itoa(c.Choice+1)
	}
	for _, t := range []piece{{"reasoning ", c.Reasoning}, {"", c.Text}, {"refusal ", c.Refusal}} {
		if t.text != "" {
			r.line(plain, label+" "+t.code+strconv.Quote(t.text))
		}
	}
	if d := c.Tool; d != nil {
		r.line(plain, strings.TrimSpace(label+" call "+d.Name)+" "+strconv.Quote(d.Arguments))
	}
}

// piece lets a piece of the answer appear, or holds it back.
func (r *printRun) piece(t piece) {
	p := r.p
	r.streamed = true
	now := time.Now()
	if p.owner != nil && p.owner != r && now.Sub(p.wrote) < patience {
		if r.place == nil {
			r.place = p.waiting.PushBack(r)
		}
		r.held = append(r.held, t)
		return
	}
	if p.owner != r {
		p.take(r)
	}
	p.write(r, t)
	p.wrote = now
}

// write appends a piece to the answer of r, which has the last line.
func (p *printer) write(r *printRun, c piece) {
	var b strings.Builder
	if p.midline && r.code != c.code { // from reasoning to the answer
		b.WriteByte('\n')
		p.midline = false
	}
	r.code = c.code
	for l := range strings.Lines(visible.Text(c.text)) {
		text, whole := strings.CutSuffix(l, "\n")
		if !p.midline && text != "" {
			b.WriteString(r.prefix() + "  ")
			if r.cut {
				b.WriteString(p.paint(faint, "…"))
			}
			p.midline = true
		}
		b.WriteString(p.paint(c.code, text))
		if whole {
			b.WriteByte('\n')
			p.midline = false
		}
		r.cut = false
	}
	io.WriteString(p.w, b.String())
	p.used = true
}

// answer writes what of an answer has not appeared yet.
func (r *printRun) answer(resp *llm.Response) {
	p := r.p
	if len(r.held) > 0 {
		owner := p.owner
		p.take(r)
		p.finishLine()
		p.owner = owner
	}
	if p.owner == r {
		p.finishLine()
		p.owner = nil
	}
	if resp == nil {
		return
	}
	for i, c := range resp.Choices {
		text := c.Text
		if text == "" {
			text = c.Refusal
		}
		if text != "" && (i > 0 || !r.streamed) {
			label := "answer: "
			if i > 0 {
				label = "answer " + strconv.Itoa(i+1) + ": "
			}
			r.line(plain, label+text)
		}
		for _, call := range c.ToolCalls {
			r.line(green, "calls "+showCall(call))
		}
	}
}

func (p *printer) finishLine() {
	if p.midline {
		io.WriteString(p.w, "\n")
		p.midline = false
	}
}

// next lets the answer that has waited longest appear, if none does.
func (p *printer) next() {
	if p.owner == nil && p.waiting.Len() > 0 {
		p.take(p.waiting.Front().Value.(*printRun))
	}
}

// take makes r the run whose answer appears.
func (p *printer) take(r *printRun) {
	if r.place != nil {
		p.waiting.Remove(r.place)
		r.place = nil
	}
	p.interrupt()
	p.owner, p.wrote = r, time.Now()
	for _, c := range r.held {
		p.write(r, c)
	}
	r.held = nil
}
