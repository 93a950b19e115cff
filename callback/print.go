package callback

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/callspan/callspan/internal/visible"
	"github.com/callspan/callspan/llm"
)

// Print returns a handler that shows runs as they happen, for a person: what
// LangChain's StdOutCallbackHandler prints, and also model calls with their
// answers, tokens, cost and errors. On a terminal, runs are indented below each
// other and answers appear as they stream; elsewhere each event is one line
// that begins with the short id of its run. Colours follow NO_COLOR.
//
// Control characters in what models say are shown, never obeyed. A nil w is
// the standard output. What cannot be written is lost.
func Print(w io.Writer) Handler {
	if w == nil {
		w = os.Stdout
	}
	p := &printer{w: w, depth: make(map[ID]int)}
	if f, ok := w.(*os.File); ok {
		if st, err := f.Stat(); err == nil && st.Mode()&os.ModeCharDevice != 0 {
			p.live = true
			p.color = os.Getenv("NO_COLOR") == ""
		}
	}
	return p
}

type printer struct {
	w           io.Writer
	live, color bool

	mu    sync.Mutex
	depth map[ID]int // of the runs that have not ended
	owner *printRun  // whose answer is on the last, unfinished line
}

const (
	bold  = "1"
	faint = "2"
	red   = "31"
	green = "32"
)

func (p *printer) paint(code, s string) string {
	if !p.color {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (p *printer) Start(ctx context.Context, info *Info) (context.Context, Run) {
	p.mu.Lock()
	defer p.mu.Unlock()
	d, nested := p.depth[info.Parent]
	if nested {
		d++
	}
	p.depth[info.ID] = d
	r := &printRun{p: p, info: info, indent: strings.Repeat("  ", d)}
	switch info.Kind {
	case KindChain, KindAgent:
		r.line(bold, "> Entering new "+r.name()+" chain...")
	case KindLLM:
		r.line(faint, "model "+r.name())
		return ctx, &printTokenRun{r}
	default:
		r.line(faint, string(info.Kind)+" "+r.name())
	}
	return ctx, r
}

type printRun struct {
	p      *printer
	info   *Info
	indent string
	held   strings.Builder // the answer so far, while another run has the last line
}

func (r *printRun) name() string {
	if r.info.Name == "" {
		return "<unknown>"
	}
	return visible.Line(r.info.Name)
}

// line writes one line; the caller holds the lock.
func (r *printRun) line(code, text string) {
	r.p.release()
	if r.p.live {
		fmt.Fprintf(r.p.w, "%s%s\n", r.indent, r.p.paint(code, text))
		return
	}
	id := r.info.ID.String()
	fmt.Fprintf(r.p.w, "%s %s\n", id[:8], text)
}

// release finishes the line of a streaming answer.
func (p *printer) release() {
	if p.owner != nil {
		io.WriteString(p.w, "\n")
		p.owner = nil
	}
}

func (r *printRun) Event(e Event) {
	r.p.mu.Lock()
	defer r.p.mu.Unlock()
	text := string(e.Kind)
	if e.Name != "" {
		text += " " + e.Name
	}
	if e.Data != nil {
		text += ": " + fmt.Sprint(e.Data)
	}
	if r.p.live {
		r.line(green, visible.Text(text))
	} else {
		r.line(green, visible.Line(text))
	}
}

func (r *printRun) End(res *Result) {
	r.p.mu.Lock()
	defer r.p.mu.Unlock()
	delete(r.p.depth, r.info.ID)
	if r.info.Kind == KindLLM && !r.p.live && res.Response.Text() != "" {
		r.line("", "answer: "+visible.Line(res.Response.Text()))
	}
	if r.held.Len() > 0 {
		r.line("", visible.Text(r.held.String()))
	}
	took := res.Ended.Sub(r.info.Started).Round(time.Millisecond)
	switch {
	case res.Err != nil:
		r.line(red, fmt.Sprintf("%s %s failed after %s: %s", r.info.Kind, r.name(), took, visible.Line(res.Err.Error())))
	case r.info.Kind == KindLLM:
		r.line(faint, "model "+r.name()+": "+r.summary(res, took))
	case r.info.Kind == KindChain, r.info.Kind == KindAgent:
		r.line(bold, "> Finished chain.")
	default:
		r.line(faint, fmt.Sprintf("%s %s: %s", r.info.Kind, r.name(), took))
	}
}

func (r *printRun) summary(res *Result, took time.Duration) string {
	parts := []string{took.String()}
	if res.FirstToken > 0 {
		parts = append(parts, "first token "+res.FirstToken.Round(time.Millisecond).String())
	}
	if u := res.Usage; u != nil {
		about := ""
		if res.UsageSource == llm.UsageEstimated {
			about = "about "
		}
		parts = append(parts, fmt.Sprintf("%s%d tokens in, %d out", about, u.Input, u.Output))
		if res.Priced {
			parts = append(parts, res.Cost.Human())
		} else {
			parts = append(parts, "price unknown")
		}
	}
	if res.Stopped {
		parts = append(parts, "stopped")
	}
	return strings.Join(parts, ", ")
}

type printTokenRun struct{ *printRun }

// Token writes the text of the first choice as it arrives, if no other run is
// writing; two answers at once would not be readable.
func (r *printTokenRun) Token(c llm.Chunk) {
	if !r.p.live || c.Choice != 0 || c.Text == "" {
		return
	}
	r.p.mu.Lock()
	defer r.p.mu.Unlock()
	if r.p.owner == nil && r.held.Len() == 0 {
		r.p.owner = r.printRun
		io.WriteString(r.p.w, r.indent)
	}
	if r.p.owner != r.printRun {
		r.held.WriteString(c.Text)
		return
	}
	io.WriteString(r.p.w, strings.ReplaceAll(visible.Text(c.Text), "\n", "\n"+r.indent))
}
