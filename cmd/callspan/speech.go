package main

import (
	"io"
	"strings"
)

// A speech prints what somebody says as it comes. On a terminal a line ends
// between words: a word that turns out to be too long for its line is taken back
// and goes on below. Elsewhere the text stays as it is.
type speech struct {
	w      io.Writer
	width  int // columns; 0 breaks no lines
	indent int // of the lines after the first

	at    int    // the column where word begins
	word  string // what may still grow
	shown int    // bytes of it that are printed: not the spaces behind a full line
}

// narrow is the width below which lines are not indented.
const narrow = 40

// speak begins the line of a speaker.
func (s screen) speak(w io.Writer, name string) *speech {
	const gap = "  "
	io.WriteString(w, s.paint(bold, name)+gap)
	p := &speech{w: w, at: cells.StringWidth(name + gap)}
	if s.terminal {
		p.width = s.width - 1 // the last column is where terminals differ
	}
	if s.width >= narrow {
		p.indent = p.at
	}
	return p
}

// say prints more.
func (p *speech) say(text string) {
	if p.width <= 0 {
		io.WriteString(p.w, text)
		return
	}
	for i, line := range strings.Split(text, "\n") {
		if i > 0 {
			p.newline()
		}
		p.sayLine(line)
	}
}

func (p *speech) sayLine(text string) {
	if text == "" {
		return
	}
	printed := p.word[:p.shown]
	for _, piece := range pieces(p.word + text) {
		word := strings.TrimRight(piece, " ")
		if p.at > p.indent && p.at+cells.StringWidth(word) > p.width {
			io.WriteString(p.w, strings.Repeat("\b \b", cells.StringWidth(printed)))
			p.newline()
			printed = ""
		}
		// Spaces at the end of a line go no further than it.
		room := max(p.width-p.at-cells.StringWidth(word), 0)
		shown := len(word) + min(len(piece)-len(word), room)
		if shown > len(printed) {
			io.WriteString(p.w, piece[len(printed):shown])
		}
		p.at += cells.StringWidth(piece[:shown])
		p.word, p.shown, printed = piece, shown, ""
	}
	p.at -= cells.StringWidth(p.word[:p.shown])
}

func (p *speech) newline() {
	io.WriteString(p.w, "\n"+strings.Repeat(" ", p.indent))
	p.at, p.word, p.shown = p.indent, "", 0
}
