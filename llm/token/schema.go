package token

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
)

// A node is a JSON value whose members keep the order of the text, which is the
// order in which the model is shown them.
type node struct {
	kind    byte // '{', '[', or 0 for the rest
	text    string
	members []member         // of an object
	items   []*node          // of an array
	byName  map[string]*node // the members, if there are many and one was asked for
}

type member struct {
	name  string
	value *node
}

// maxDepth bounds the nesting of what is parsed.
const maxDepth = 100

// parse returns the JSON value in raw, or nil if raw is anything else.
func parse(raw []byte) *node {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	n, err := value(d, maxDepth)
	if err != nil {
		return nil
	}
	if _, err := d.Token(); err != io.EOF {
		return nil
	}
	return n
}

var errDepth = errors.New("nested too deeply")

func value(d *json.Decoder, depth int) (*node, error) {
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	delim, ok := t.(json.Delim)
	if !ok {
		return &node{text: quote(t)}, nil
	}
	if depth == 0 {
		return nil, errDepth
	}
	n := &node{kind: byte(delim)}
	for d.More() {
		var m member
		if n.kind == '{' {
			t, err := d.Token()
			if err != nil {
				return nil, err
			}
			m.name = t.(string) // the decoder lets nothing else pass
		}
		if m.value, err = value(d, depth-1); err != nil {
			return nil, err
		}
		if n.kind == '{' {
			n.members = append(n.members, m)
		} else {
			n.items = append(n.items, m.value)
		}
	}
	_, err = d.Token()
	return n, err
}

// quote returns v as JSON, with < > & as they are.
func quote(v any) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return "null"
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// few is how many members are searched through rather than looked up.
const few = 16

// get returns the first member of that name, or nil. n may be nil.
func (n *node) get(name string) *node {
	if n == nil {
		return nil
	}
	if len(n.members) > few {
		if n.byName == nil {
			n.byName = make(map[string]*node, len(n.members))
			for _, m := range slices.Backward(n.members) {
				n.byName[m.name] = m.value
			}
		}
		return n.byName[name]
	}
	for i := range n.members {
		if n.members[i].name == name {
			return n.members[i].value
		}
	}
	return nil
}

// str returns the member of that name if it is a string, or else "".
func (n *node) str(name string) string {
	v := n.get(name)
	if v == nil || !strings.HasPrefix(v.text, `"`) {
		return ""
	}
	var s string
	if json.Unmarshal([]byte(v.text), &s) != nil {
		return ""
	}
	return s
}

// write appends n as JSON without spaces.
func (n *node) write(b *strings.Builder) {
	switch n.kind {
	case '{':
		b.WriteByte('{')
		for i, m := range n.members {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(quote(m.name))
			b.WriteByte(':')
			m.value.write(b)
		}
		b.WriteByte('}')
	case '[':
		b.WriteByte('[')
		for i, v := range n.items {
			if i > 0 {
				b.WriteByte(',')
			}
			v.write(b)
		}
		b.WriteByte(']')
	default:
		b.WriteString(n.text)
	}
}

// prune removes the keywords of a schema that drop names. The members of
// "properties" and "$defs" are no keywords.
func (n *node) prune(drop func(keyword string) bool) {
	n.members = slices.DeleteFunc(n.members, func(m member) bool { return drop(m.name) })
	n.byName = nil
	for _, m := range n.members {
		switch m.name {
		case "properties", "$defs", "definitions":
			for _, p := range m.value.members {
				p.value.prune(drop)
			}
		default:
			m.value.prune(drop)
		}
	}
	for _, v := range n.items {
		v.prune(drop)
	}
}

// optional counts the values of a schema that may be null beside something
// else.
func (n *node) optional() int {
	count := 0
	for _, m := range n.members {
		count += m.value.optional()
		if m.name == "anyOf" && slices.ContainsFunc(m.value.items, func(v *node) bool { return v.str("type") == "null" }) {
			count++
		}
	}
	for _, v := range n.items {
		count += v.optional()
	}
	return count
}

// compact returns JSON without spaces, and anything else as it is.
func compact(s string) string {
	n := parse([]byte(s))
	if n == nil {
		return s
	}
	var b strings.Builder
	n.write(&b)
	return b.String()
}
