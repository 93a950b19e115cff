package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/callspan/callspan/internal/visible"
	"github.com/mattn/go-runewidth"
)

// cells measures text. Terminals show box-drawing and block characters in one
// column whatever the locale, which runewidth would otherwise take into account.
var cells = &runewidth.Condition{}

// A screen is where a tree is drawn.
type screen struct {
	w     io.Writer
	width int // columns
	color bool

	terminal bool
}

const (
	bold   = "1"
	faint  = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
	cyan   = "36"
)

func (s screen) paint(code, text string) string {
	if !s.color || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// A row is one line of the tree.
type row struct {
	span  *span
	label string // branches and name
}

func rows(s *span, prefix, branch, below string) []row {
	out := []row{{s, prefix + branch + visible.Line(s.Name)}}
	for i, c := range s.Children {
		b, n := "├─ ", "│  "
		if i == len(s.Children)-1 {
			b, n = "└─ ", "   "
		}
		out = append(out, rows(c, prefix+below, b, n)...)
	}
	return out
}

// draw prints one trace, which has several roots if spans are missing: names as a
// tree, a bar where each span lies in time, and the figures that fit.
func (s screen) draw(roots []*span, t *texts) layout {
	var all []row
	for _, root := range roots {
		all = append(all, rows(root, "", "", "")...)
	}
	name := 0
	for _, r := range all {
		name = max(name, cells.StringWidth(r.label))
	}
	cols := columns(t)
	width := make([]int, len(cols))
	for i, c := range cols {
		width[i] = cells.StringWidth(c.head)
		for _, r := range all {
			width[i] = max(width[i], cells.StringWidth(c.value(r.span)))
		}
	}
	l := fit(s.width, name, width)
	gap := strings.Repeat(" ", l.gap)
	line := func(label, drawn string, value func(int) string, paint func(int, string) string) {
		b := cells.FillRight(cells.Truncate(label, l.name, "…"), l.name)
		if l.bar > 0 {
			b += gap + drawn
		}
		for _, i := range order {
			if i < l.figures {
				b += gap + paint(i, cells.FillLeft(value(i), width[i]))
			}
		}
		fmt.Fprintln(s.w, strings.TrimRight(b, " "))
	}
	if l.figures > 0 {
		line("", strings.Repeat(" ", l.bar), func(i int) string { return cols[i].head },
			func(_ int, v string) string { return s.paint(faint, v) })
	}
	during := lifetime(roots)
	for _, r := range all {
		line(r.label, s.bar(during, r.span, l.bar), func(i int) string { return cols[i].value(r.span) },
			func(i int, v string) string {
				if i == 0 && r.span.Usage == nil {
					return s.paint(faint, v)
				}
				return v
			})
		if r.span.Error != "" {
			indent := strings.Repeat(" ", min(cells.StringWidth(r.label)-cells.StringWidth(visible.Line(r.span.Name)), s.width/3))
			text := visible.Line("! " + r.span.ErrorType + ": " + r.span.Error)
			fmt.Fprintln(s.w, indent+s.paint(red, cells.Truncate(text, s.width-len(indent), "…")))
		}
	}
	return l
}

// A period is from the first moment of a trace to its last.
type period struct {
	start  time.Time
	length time.Duration
}

func lifetime(roots []*span) period {
	start, end := roots[0].Start, roots[0].end()
	for _, r := range roots[1:] {
		if r.Start.Before(start) {
			start = r.Start
		}
		if r.end().After(end) {
			end = r.end()
		}
	}
	return period{start, end.Sub(start)}
}

var eighths = []string{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"}

// bar returns the span's place in time as a bar of the given width. What comes
// before the first token is lighter.
func (s screen) bar(during period, sp *span, width int) string {
	if width == 0 || during.length <= 0 {
		return strings.Repeat(" ", width)
	}
	at := func(d time.Duration) int { // in eighths of a column
		return min(max(int(int64(d)*int64(width)*8/int64(during.length)), 0), width*8)
	}
	from, to := at(sp.Start.Sub(during.start)), at(sp.end().Sub(during.start))
	left := min(from/8, width-1)
	wait := 0
	if sp.FirstToken > 0 {
		wait = min(at(sp.FirstToken)/8, (to+7)/8-left)
	}
	text, used := "", 0
	if wait > 0 {
		text, used = s.paint(cyan, strings.Repeat("░", wait)), wait
	}
	solid := ""
	if begin := (left + wait) * 8; wait == 0 && to-begin < 8 {
		solid = eighths[min(max(to-from, 1), 7)] // everything that happened leaves a mark
	} else if to > begin {
		solid = strings.Repeat("█", (to-begin)/8) + eighths[(to-begin)%8]
	}
	code := cyan
	if sp.Error != "" {
		code = red
	}
	used += cells.StringWidth(solid)
	return strings.Repeat(" ", left) + text + s.paint(code, solid) + strings.Repeat(" ", max(width-left-used, 0))
}
