package openai

import (
	"bytes"
	"unicode/utf8"
)

// A template is the last frame with a piece of text, around that text: most
// frames of a stream are the same but for it, and what OpenAI pads them with.
type template struct {
	raw                    []byte
	before, between, after []byte // parts of raw: before the text; from there to the padding; after that
	padded                 bool
	head                   frameHead
	choice                 [1]frameChoice
	misses                 int
}

// maxMisses is how many frames in a row have to differ from the ones before them
// until nothing more is learned.
const maxMisses = 16

var (
	contentKey     = []byte(`"content"`)
	obfuscationKey = []byte(`"obfuscation":"`)
)

// read reports whether a frame fits, and takes its text. What fits is valid JSON,
// as what was learned is and the text has nothing in it that ends a string.
func (t *template) read(raw []byte) bool {
	rest, ok := bytes.CutPrefix(raw, t.before)
	if !ok || len(t.before) == 0 {
		return false
	}
	text, rest, ok := plainText(rest)
	if !ok || len(text) == 0 {
		return false
	}
	if rest, ok = bytes.CutPrefix(rest, t.between); !ok {
		return false
	}
	if t.padded {
		if _, rest, ok = plainText(rest); !ok {
			return false
		}
	}
	if !bytes.Equal(rest, t.after) {
		return false
	}
	t.choice[0].content, t.misses = string(text), 0
	return true
}

// plainText returns what stands before the next quotation mark, if it is text as
// it is, and what follows from the mark on.
func plainText(b []byte) (text, rest []byte, ok bool) {
	ascii := true
	for i, c := range b {
		switch {
		case c == '"':
			return b[:i], b[i:], ascii || utf8.Valid(b[:i])
		case c < ' ' || c == '\\':
			return nil, nil, false
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	return nil, nil, false
}

// learn makes a template of a frame that was read as f.
func (t *template) learn(raw []byte, f *frame) {
	if t.misses >= maxMisses || len(f.choices) != 1 || len(f.tools) > 0 || f.counted != nil || f.usage != nil || f.failure != nil {
		return
	}
	c := f.choices[0]
	if c.content == "" || c.media || c.reasoning != "" || c.refusal != "" || c.end != "" {
		return
	}
	t.misses++
	// With one key of this name, and none written in another way, the text is its
	// value.
	i := bytes.Index(raw, contentKey)
	if i < 0 || bytes.LastIndex(raw, contentKey) != i || bytes.IndexByte(raw, '\\') >= 0 {
		return
	}
	i += len(contentKey)
	i += len(raw[i:]) - len(bytes.TrimLeft(raw[i:], ": \t"))
	if i >= len(raw) || raw[i] != '"' {
		return
	}
	i++
	text, rest, ok := plainText(raw[i:])
	if !ok || string(text) != c.content {
		return
	}
	t.raw = append(t.raw[:0], raw...)
	rest = t.raw[len(raw)-len(rest):]
	t.before, t.between, t.after, t.padded = t.raw[:i], rest, nil, false
	if j := bytes.Index(rest, obfuscationKey); j >= 0 {
		j += len(obfuscationKey)
		if _, after, ok := plainText(rest[j:]); ok {
			t.between, t.after, t.padded = rest[:j], after, true
		}
	}
	c.logprobs, c.filters = bytes.Clone(c.logprobs), bytes.Clone(c.filters)
	t.head, t.choice[0] = *f.head, c
}
