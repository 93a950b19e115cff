package retrieval

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/callspan/callspan/llm"
)

// A Splitter cuts long texts into pieces that are found each by itself. It cuts
// at the last place that fits of the best kind: after a paragraph, else after a
// line, else after a sentence, which 。！？ may end too, else at a space, and
// inside a word only where there is none. A piece is at least a quarter of Size
// if the text is, so that a heading stays with what it heads.
//
// Pieces have no space around them and together hold all else of the text. The
// zero value works. Since nothing can fail, numbers below zero count as zero.
type Splitter struct {
	Size    int         // of a piece at most; 0 is 1000
	Overlap int         // what a piece repeats of the one before, at most; never more than half of that
	Count   llm.Counter // of what Size and Overlap are numbers of, such as tokens; nil counts characters
}

const defaultSize = 1000

// Split returns the pieces of text in order. A single character is a piece even
// if it counts more than Size.
func (s Splitter) Split(text string) []string {
	size := s.Size
	if size <= 0 {
		size = defaultSize
	}
	var pieces []string
	done := 0 // how far the pieces go
	for start := 0; ; {
		start += leadingSpace(text[start:])
		if done = max(done, start); done == len(text) {
			return pieces
		}
		end := s.end(text, start, done, size)
		if end == 0 && start < done { // the overlap leaves no room
			start = done
			continue
		}
		if end == 0 {
			_, n := utf8.DecodeRuneInString(text[start:])
			end = start + n
		}
		piece := strings.TrimSpace(text[start:end])
		pieces = append(pieces, piece)
		done = end + leadingSpace(text[end:])
		if start += len(piece); s.Overlap > 0 && end < len(text) {
			start -= s.overlap(piece)
		}
	}
}

// Documents splits docs. A piece has the metadata of its document and, if that
// has an id, the id with # and the number of the piece, from 1. When a document
// has changed, delete its old pieces before you add the new ones, which may be
// fewer: see [Store.DeleteFunc].
func (s Splitter) Documents(docs ...llm.Document) []llm.Document {
	var out []llm.Document
	for _, d := range docs {
		for i, text := range s.Split(d.Text) {
			piece := d
			piece.Text = text
			if d.ID != "" {
				piece.ID = d.ID + "#" + strconv.Itoa(i+1)
			}
			out = append(out, piece)
		}
	}
	return out
}

func leadingSpace(text string) int {
	return len(text) - len(strings.TrimLeftFunc(text, unicode.IsSpace))
}

// end returns where a piece from start ends, 0 if it would not get beyond done.
func (s Splitter) end(text string, start, done, size int) int {
	room := s.head(text[start:], size)
	limit := start + room
	limit += leadingSpace(text[limit:]) // will be trimmed
	for limit > done {
		end := cut(text, max(done, start+room/4), limit)
		piece := strings.TrimSpace(text[start:end])
		// Of a part, a counter may count more than of the whole.
		if s.Count == nil || s.Count(piece) <= size {
			return end
		}
		_, n := utf8.DecodeLastRuneInString(piece)
		limit = start + len(piece) - n
	}
	return 0
}

// overlap returns how much of the end of piece the next one has too.
func (s Splitter) overlap(piece string) int {
	half := (len(piece) + 1) / 2
	for half < len(piece) && !utf8.RuneStart(piece[half]) {
		half++
	}
	first := len(piece) - s.tail(piece[half:], s.Overlap)
	word := first
	for i := first; i < len(piece); {
		switch p := placeAt(piece, i); {
		case p >= afterSentence:
			return len(piece) - i
		case p == afterWord && word == first:
			word = i
		}
		_, n := utf8.DecodeRuneInString(piece[i:])
		i += n
	}
	return len(piece) - word
}

// cut returns the best place to end a piece after least and up to limit.
func cut(text string, least, limit int) int {
	if limit == len(text) {
		return limit
	}
	end, best := limit, insideWord
	for i := limit; i > least && best < afterParagraph; {
		if p := placeAt(text, i); p > best {
			end, best = i, p
		}
		_, n := utf8.DecodeLastRuneInString(text[:i])
		i -= n
	}
	return end
}

// A place says how good it is to cut a text there.
type place int

const (
	insideWord place = iota
	afterWord
	afterSentence
	afterLine
	afterParagraph
)

const (
	closers   = `"')]}”’」』）》】`
	stops     = ".!?…"
	wideStops = "。！？…．｡" // no space follows them
	wideBreak = "，、；："
)

// placeAt returns what the place before text[i:] is like. It looks at few
// characters, except at the end of a line.
func placeAt(text string, i int) place {
	last, n := utf8.DecodeLastRuneInString(text[:i])
	after, _ := utf8.DecodeRuneInString(text[i:])
	switch {
	case last == '\n':
		if before := strings.TrimRight(text[:i-n], " \t\r"); strings.HasSuffix(before, "\n") {
			return afterParagraph
		}
		return afterLine
	case unicode.IsSpace(last):
		if endsIn(text[:i-n], stops+wideStops) {
			return afterSentence
		}
		return afterWord
	case strings.ContainsRune(closers+wideStops, after):
		return insideWord
	case endsIn(text[:i], wideStops):
		return afterSentence
	case strings.ContainsRune(wideBreak, last):
		return afterWord
	}
	return insideWord
}

// endsIn reports whether text ends in one of the characters, be it before
// closing quotes and brackets.
func endsIn(text, characters string) bool {
	r, _ := utf8.DecodeLastRuneInString(strings.TrimRight(text, closers))
	return r != utf8.RuneError && strings.ContainsRune(characters, r)
}
