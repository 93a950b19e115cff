// Package sse finds the events in a stream of server-sent events while it
// passes by, in pieces of any size.
package sse

import "bytes"

// An Event is one event of a stream. Its fields are valid during the call that
// hands it over.
type Event struct {
	Name []byte // of the "event:" line; empty if there was none
	Data []byte // of the "data:" lines, joined by line feeds
	Cut  bool   // the stream ended within it
}

// A Splitter is given a stream piece by piece and calls Emit for each event
// that has data. It follows the HTML standard: lines end with LF, CR or CRLF,
// comments and unknown fields are passed over, a byte order mark may come first.
// But for a field "error" with an object, which llama.cpp sent until 2025: it is
// the data of an event of that name.
// What lies wholly within a piece is not copied. The zero value with an Emit is
// ready; it is used by one goroutine at a time.
type Splitter struct {
	Emit  func(Event)
	Limit int // the longest event in bytes; what is longer is left out and counted; 0 is no limit

	// Whole may say of the first data line of an event that it is an event by
	// itself, which then does not wait for the empty line that ends it by the
	// standard: some servers leave it out, and some clients do not read it. It is
	// asked where the empty line has not come with the data. nil says no.
	Whole func(data []byte) bool

	line   []byte // the beginning of a line that is not complete
	data   []byte // the data lines before the one that is read
	name   []byte
	lines  int  // data lines so far
	begun  bool // the byte order mark has been looked for
	cr     bool // the last byte was CR: an LF that follows belongs to it
	long   bool // the event that is read is longer than Limit
	missed int
}

var dataField = []byte("data")

var mark = []byte("\xEF\xBB\xBF")

// Write takes the next piece. It keeps nothing of p.
func (s *Splitter) Write(p []byte) {
	if s.cr && len(p) > 0 {
		s.cr = false
		if p[0] == '\n' {
			p = p[1:]
		}
	}
	for len(p) > 0 {
		end := bytes.IndexByte(p, '\n')
		search := p
		if end >= 0 {
			search = p[:end]
		}
		if cr := bytes.IndexByte(search, '\r'); cr >= 0 {
			end = cr
		}
		if end < 0 {
			s.hold(p)
			return
		}
		next := end + 1
		if p[end] == '\r' {
			switch {
			case next == len(p):
				s.cr = true
			case p[next] == '\n':
				next++
			}
		}
		line := p[:end]
		if len(s.line) > 0 {
			s.hold(line)
			line = s.line
		}
		s.take(line, p[next:])
		s.line = s.line[:0]
		p = p[next:]
	}
}

// hold keeps the beginning of a line.
func (s *Splitter) hold(p []byte) {
	if s.Limit > 0 && len(s.line)+len(p) > s.Limit {
		s.long = true
		p = p[:min(len(p), max(0, 16-len(s.line)))] // enough to tell the line from an empty one
	}
	s.line = append(s.line, p...)
}

// take reads a line; rest is what follows it in the piece.
func (s *Splitter) take(line, rest []byte) {
	if !s.begun {
		s.begun = true
		line = bytes.TrimPrefix(line, mark)
	}
	if len(line) == 0 {
		s.finish(false)
		return
	}
	name, value, _ := bytes.Cut(line, []byte(":"))
	if len(value) > 0 && value[0] == ' ' {
		value = value[1:]
	}
	if string(name) == "error" && len(value) > 0 && value[0] == '{' {
		s.name, name = append(s.name[:0], name...), dataField
	}
	switch string(name) {
	case "data":
		// An event of one line that lies in the piece with its end is not copied.
		if s.lines == 0 && !s.long && (len(rest) > 0 && rest[0] == '\n' || len(rest) > 1 && rest[0] == '\r' && rest[1] == '\n') {
			s.emit(Event{Name: s.name, Data: value})
			s.reset()
			return
		}
		if s.lines == 0 && !s.long && s.Whole != nil && s.Whole(value) {
			s.emit(Event{Name: s.name, Data: value})
			s.reset()
			return
		}
		if s.lines++; s.lines > 1 {
			s.data = append(s.data, '\n')
		}
		if s.Limit > 0 && len(s.data)+len(value) > s.Limit {
			s.long = true
		}
		if !s.long {
			s.data = append(s.data, value...)
		}
	case "event":
		s.name = append(s.name[:0], value...)
	}
}

// finish ends an event.
func (s *Splitter) finish(cut bool) {
	switch {
	case s.long:
		s.missed++
	case s.lines > 0:
		s.emit(Event{Name: s.name, Data: s.data, Cut: cut})
	}
	s.reset()
}

func (s *Splitter) emit(e Event) {
	if s.Limit > 0 && len(e.Data) > s.Limit {
		s.missed++
		return
	}
	if s.Emit != nil {
		s.Emit(e)
	}
}

const keep = 64 << 10 // a buffer beyond that is given up after its event

func (s *Splitter) reset() {
	s.lines, s.long, s.name, s.data = 0, false, s.name[:0], s.data[:0]
	if cap(s.data) > keep {
		s.data = nil
	}
	if cap(s.line) > keep {
		s.line = nil
	}
}

// Close ends the stream. An event that was being read is handed over as one
// that was cut, be its last line whole or not.
func (s *Splitter) Close() {
	s.Whole = nil // a line that nothing ends may go on
	if len(s.line) > 0 {
		s.take(s.line, nil)
	}
	s.line = nil
	s.finish(true)
	s.data, s.name = nil, nil
}

// Missed returns how many events were longer than Limit.
func (s *Splitter) Missed() int { return s.missed }
