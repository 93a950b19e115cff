package openai

import (
	"bytes"
	"unicode/utf8"
)

// A template is the last frame with a piece of text, around that text: most
// frames of a stream are the same but for it, and what OpenAI pads them with.
type template struct {
	before, between, after []byte // before the text; from there to the padding; after that
	padded                 bool
	choice                 frameChoice
	misses                 int
}

// maxMisses is how many frames in a row have to differ from the ones before them
// until nothing more is learned.
const maxMisses = 16

var (
	contentKey     = []byte(`"content"`)
	obfuscationKey = []byte(`"obfuscation":"`)
)

// read returns the choice of a frame that fits. What fits is valid JSON, as what
// was learned is and the text has nothing in it that ends a string.
func (t *template) read(raw []byte) (c frameChoice, ok bool) {
	rest, ok := bytes.CutPrefix(raw, t.before)
	if !ok || len(t.before) == 0 {
		return c, false
	}
	text, rest, ok := plainText(rest)
	if !ok || len(text) == 0 {
		return c, false
	}
	if rest, ok = bytes.CutPrefix(rest, t.between); !ok {
		return c, false
	}
	if t.padded {
		if _, rest, ok = plainText(rest); !ok {
			return c, false
		}
	}
	if !bytes.Equal(rest, t.after) {
		return c, false
	}
	c = t.choice
	c.content = string(text)
	return c, true
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
	if t.misses >= maxMisses || len(f.choices) != 1 || len(f.tools) > 0 || f.counted || f.usage != nil || f.failure != nil {
		return
	}
	c := f.choices[0]
	if c.content == "" || c.reasoning != "" || c.refusal != "" || c.end != "" {
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
	t.before = append(t.before[:0], raw[:i]...)
	t.between, t.after, t.padded = append(t.between[:0], rest...), t.after[:0], false
	if j := bytes.Index(rest, obfuscationKey); j >= 0 {
		j += len(obfuscationKey)
		if _, after, ok := plainText(rest[j:]); ok {
			t.between, t.after, t.padded = t.between[:j], append(t.after, after...), true
		}
	}
	t.choice = c
}
