package callback

import (
	"container/list"
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
// answers, tokens, cost, retries and errors, what tools are given and return,
// and what searches find.
//
// On a terminal, runs are indented below each other and answers appear as they
// stream. Of several answers at a time one streams; the others follow, each in
// one piece, and lines then name their runs by the beginning of the id.
// Elsewhere each event, tokens too, is one line that begins with the first
// eight digits of the run's id. Colours follow NO_COLOR and TERM=dumb.
//
// Control characters in what models say are shown, never obeyed. Inputs and
// outputs are cut at 2000 bytes, answers never. A nil w is the standard output.
// What cannot be written is lost. The handler may be used concurrently.
func Print(w io.Writer) Handler {
	if isNil(w) {
		w = os.Stdout
	}
	p := &printer{w: w, runs: make(map[ID]*printRun)}
	if f, ok := w.(*os.File); ok {
		if st, err := f.Stat(); err == nil && st.Mode()&os.ModeCharDevice != 0 {
			p.live = true
			p.color = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
		}
	}
	return p
}

type printer struct {
	w           io.Writer
	live, color bool

	mu     sync.Mutex
	used   bool             // something is printed
	runs   map[ID]*printRun // that have not ended
	starts int              // how many runs have started
	beside []int            // by depth: the last start there of a run that is not only below others

	// Of the answers that stream at the same time, the owner's appears.
	owner   *printRun
	midline bool      // the owner's last line is not finished
	wrote   time.Time // by the owner
	waiting list.List // of the runs with text that is held back, in the order of its arrival
}

const (
	plain  = ""
	bold   = "1"
	faint  = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
	cyan   = "36"
)

func (p *printer) paint(code, s string) string {
	if !p.color || code == plain || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

type printRun struct {
	p        *printer
	info     *Info
	depth    int
	start    int           // its place among all starts
	labelled bool          // its lines name the run, since others are written between them
	cut      bool          // another line broke its answer's line
	code     string        // the colour of the last piece
	streamed bool          // text has come as tokens
	held     []piece       // of the answer, while another one streams
	place    *list.Element // among those that wait
}

func (p *printer) Start(ctx context.Context, info *Info) (context.Context, Run) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.starts++
	r := &printRun{p: p, info: info, start: p.starts}
	if parent := p.runs[info.Parent]; parent != nil {
		r.depth = parent.depth + 1
	}
	p.runs[info.ID] = r
	if len(p.runs) > r.depth+1 { // not only its ancestors: runs side by side
		for len(p.beside) <= r.depth {
			p.beside = append(p.beside, 0)
		}
		p.beside[r.depth] = r.start
	}
	r.begin()
	if info.Kind == KindLLM {
		return ctx, &printTokenRun{r}
	}
	return ctx, r
}

// begin writes the line of the start.
func (r *printRun) begin() {
	input := showInput(r.info)
	switch r.info.Kind {
	case KindChain, KindAgent:
		if r.p.live && r.depth == 0 && r.p.used {
			r.p.interrupt()
			io.WriteString(r.p.w, "\n")
		}
		r.line(bold, fmt.Sprintf("> Entering new %s %s...", r.name(), r.info.Kind))
	case KindLLM:
		if input != "" {
			input = " <- " + input
		}
		r.line(faint, "model "+r.name()+input)
	case KindTool:
		r.line(cyan, "tool "+r.name()+"("+input+")")
	default:
		if input != "" {
			input = ": " + input
		}
		r.line(faint, r.noun()+" "+r.name()+input)
	}
}

func (r *printRun) noun() string {
	switch r.info.Kind {
	case KindLLM:
		return "model"
	case "":
		return "run"
	}
	return string(r.info.Kind)
}

func (r *printRun) name() string {
	if r.info.Name == "" {
		return "<unknown>"
	}
	return r.info.Name
}

// prefix is what lines of the run begin with on a terminal.
func (r *printRun) prefix() string {
	prefix := strings.Repeat("  ", r.depth)
	for _, at := range r.p.beside[:min(len(r.p.beside), r.depth+1)] {
		r.labelled = r.labelled || at >= r.start
	}
	if r.labelled {
		id := r.info.ID.String()
		prefix += r.p.paint(faint, "["+id[:4]+"]") + " "
	}
	return prefix
}

// line writes what has happened. The caller holds the lock.
func (r *printRun) line(code, text string) {
	p := r.p
	p.interrupt()
	p.used = true
	if !p.live {
		id := r.info.ID.String()
		io.WriteString(p.w, id[:8]+" "+visible.Line(text)+"\n")
		return
	}
	var b strings.Builder
	prefix := r.prefix()
	for l := range strings.SplitSeq(strings.TrimSuffix(visible.Text(text), "\n"), "\n") {
		b.WriteString(prefix + p.paint(code, l) + "\n")
	}
	io.WriteString(p.w, b.String())
}

// interrupt makes room for a line between the pieces of an answer.
func (p *printer) interrupt() {
	if p.midline {
		p.owner.cut = true
		p.finishLine()
	}
}

func (r *printRun) Event(e Event) {
	r.p.mu.Lock()
	defer r.p.mu.Unlock()
	label, text := showEvent(e)
	code := green
	if e.Kind == EventRetry {
		code = yellow
	}
	switch {
	case e.Kind == EventText && r.p.live:
		r.line(code, text)
	case text == "":
		r.line(code, label)
	default:
		r.line(code, label+": "+text)
	}
}

func (r *printRun) End(res *Result) {
	p := r.p
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.runs, r.info.ID)
	if r.info.Kind == KindLLM {
		r.answer(res.Response)
	}
	took := showDuration(res.Ended.Sub(r.info.Started))
	switch {
	case res.Err != nil:
		r.line(red, fmt.Sprintf("%s %s failed after %s: %s", r.noun(), r.name(), took, errorText(res.Err)))
	case r.info.Kind == KindChain, r.info.Kind == KindAgent:
		text := fmt.Sprintf("> Finished %s.", r.info.Kind)
		if res.Total.Calls+res.Total.Refused > 0 {
			text += fmt.Sprintf(" (%s, %s)", took, res.Total)
		}
		r.line(bold, text)
	case r.info.Kind == KindLLM:
		r.line(faint, "model "+r.name()+": "+summary(res, took))
	case r.info.Kind == KindTool:
		r.line(cyan, fmt.Sprintf("tool %s -> %s (%s)", r.name(), showOutput(res.Output), took))
	default:
		r.finish(res, took)
	}
	p.next()
}

// finish writes the end of a run that is neither step nor model nor tool.
func (r *printRun) finish(res *Result, took string) {
	text := fmt.Sprintf("%s %s: %s", r.noun(), r.name(), summary(res, took))
	switch out := showOutput(res.Output); {
	case strings.Contains(out, "\n"):
		text += "\n" + out
	case out != "":
		text += ", " + out
	}
	if hits, ok := res.Output.([]llm.Document); ok {
		separator := "; "
		if r.p.live {
			separator = "\n  "
		}
		for _, d := range hits {
			text += separator + visible.Line(showDocument(d))
		}
	}
	r.line(faint, text)
}

func summary(res *Result, took string) string {
	parts := []string{took}
	if res.FirstToken > 0 {
		parts = append(parts, "first token "+showDuration(res.FirstToken))
	}
	if u := res.Usage; u != nil {
		about := ""
		if res.UsageSource == llm.UsageEstimated {
			about = "about "
		}
		parts = append(parts, about+showUsage(u))
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
