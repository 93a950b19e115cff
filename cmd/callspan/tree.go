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

// A column is a figure beside the tree. The first ones stay longest when the
// terminal is narrow.
type column struct {
	head  string
	value func(*span) string
}

func columns(t *texts) []column {
	return []column{
		{t.cost, func(s *span) string { return s.figures().cost() }},
		{t.out, func(s *span) string { return s.figures().number(func(u *usage) int { return u.Output }) }},
		{t.in, func(s *span) string { return s.figures().number(func(u *usage) int { return u.Input }) }},
		{t.time, func(s *span) string { return short(s.Duration) }},
		{t.first, func(s *span) string {
			if s.FirstToken <= 0 {
				return ""
			}
			return short(s.FirstToken)
		}},
		{t.cached, func(s *span) string { return s.figures().number(func(u *usage) int { return u.Cached }) }},
	}
}

// order is how the columns stand, from left to right, by their place in columns.
var order = []int{3, 4, 2, 5, 1, 0}

// figures returns what the span shows: its own usage, or what is below it.
func (s *span) figures() *usage {
	if s.Usage != nil {
		return s.Usage
	}
	return s.Total
}

// nothing reports whether there is no usage to show, also because every call
// failed before it used anything.
func (u *usage) nothing() bool {
	return u == nil || u.Calls == u.Failed && u.Input+u.Output == 0
}

func (u *usage) number(of func(*usage) int) string {
	if u.nothing() {
		return ""
	}
	if u.Estimated {
		return fmt.Sprintf("~%d", of(u))
	}
	return fmt.Sprint(of(u))
}

func (u *usage) cost() string {
	switch {
	case u.nothing():
		return ""
	case u.Cost == nil:
		return "?"
	case u.Estimated:
		return "~" + u.Cost.Human()
	}
	return u.Cost.Human()
}

// short returns d with three digits or so.
func short(d time.Duration) string {
	switch {
	case d >= 10*time.Second:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d >= time.Second:
		return fmt.Sprintf("%.2fs", d.Seconds())
	case d >= time.Millisecond:
		return fmt.Sprintf("%dms", d.Milliseconds())
	}
	return fmt.Sprintf("%dµs", d.Microseconds())
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

const (
	minBar  = 10
	maxBar  = 40
	minName = 16
)

// draw prints one trace: names as a tree, a bar where each span lies in time,
// and the columns that fit.
func (s screen) draw(root *span, t *texts) {
	all := rows(root, "", "", "")
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
	// Keep as many columns as leave room for the names, then a bar if it fits.
	shown := len(cols)
	room := func() int {
		left := s.width
		for i := range shown {
			left -= width[i] + 2
		}
		return left
	}
	for shown > 0 && room() < min(name, max(minName, s.width/3)) {
		shown--
	}
	bar := room() - name - 2
	if bar < minBar {
		bar = 0
		name = min(name, room())
	}
	bar = min(bar, maxBar)

	line := func(label, drawn string, value func(int) string, paint func(int, string) string) {
		b := cells.FillRight(cells.Truncate(label, name, "…"), name)
		if bar > 0 {
			b += "  " + drawn
		}
		for _, i := range order {
			if i < shown {
				b += "  " + paint(i, cells.FillLeft(value(i), width[i]))
			}
		}
		fmt.Fprintln(s.w, strings.TrimRight(b, " "))
	}
	line("", strings.Repeat(" ", bar), func(i int) string { return cols[i].head },
		func(_ int, v string) string { return s.paint(faint, v) })
	for _, r := range all {
		line(r.label, s.bar(root, r.span, bar), func(i int) string { return cols[i].value(r.span) },
			func(i int, v string) string {
				if i == 0 && r.span.Usage == nil {
					return s.paint(faint, v)
				}
				return v
			})
		if r.span.Error != "" {
			indent := strings.Repeat(" ", cells.StringWidth(r.label)-cells.StringWidth(visible.Line(r.span.Name)))
			text := visible.Line("! " + r.span.ErrorType + ": " + r.span.Error)
			fmt.Fprintln(s.w, indent+s.paint(red, cells.Truncate(text, max(s.width-len(indent), minName), "…")))
		}
	}
	s.total(root, t)
}

var eighths = []string{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"}

// bar returns the span's place in time as a bar of the given width. What comes
// before the first token is lighter.
func (s screen) bar(root, sp *span, width int) string {
	if width == 0 || root.Duration <= 0 {
		return strings.Repeat(" ", width)
	}
	at := func(d time.Duration) int { // in eighths of a column
		return min(max(int(int64(d)*int64(width)*8/int64(root.Duration)), 0), width*8)
	}
	from, to := at(sp.Start.Sub(root.Start)), at(sp.end().Sub(root.Start))
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

// total prints the sum of the trace.
func (s screen) total(root *span, t *texts) {
	u := root.figures()
	if u == nil {
		return
	}
	cost := "?"
	if u.Cost != nil {
		cost = u.Cost.Human()
	}
	calls := t.call
	if u.Calls != 1 {
		calls = fmt.Sprintf(t.calls, u.Calls)
	}
	text := fmt.Sprintf(t.total, calls, u.Input, u.Cached, u.Output, cost)
	if u.Failed > 0 {
		text += fmt.Sprintf(t.failed, u.Failed)
	}
	if u.Estimated {
		text += t.estimated
	}
	fmt.Fprintln(s.w, s.paint(bold, text))
}
