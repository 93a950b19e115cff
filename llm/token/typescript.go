package token

import "strings"

// A typescript writes schemas as the type declarations by which models are
// told of their tools.
type typescript struct {
	b    strings.Builder
	root *node // where references point to
	refs int   // references being followed
}

// Bounds for schemas that would be written without end.
const (
	maxRefs = 4
	maxText = 1 << 20
)

func (w *typescript) text(s string) { w.b.WriteString(s) }

// comment writes text as a comment, line by line.
func (w *typescript) comment(text string) {
	text = strings.TrimSpace(text)
	if text == "" {
		return
	}
	for line := range strings.SplitSeq(text, "\n") {
		if line = strings.TrimSpace(line); line == "" {
			w.text("//\n")
		} else {
			w.text("// " + line + "\n")
		}
	}
}

// heading writes what n is about.
func (w *typescript) heading(n *node) {
	title, desc := n.str("title"), n.str("description")
	w.comment(title)
	if title != "" && desc != "" {
		w.text("//\n")
	}
	w.comment(desc)
}

// object writes a type with properties: in one line, unless there is something
// to say about one of them.
func (w *typescript) object(n *node) {
	properties := n.get("properties").members
	required := make(map[string]bool)
	if r := n.get("required"); r != nil {
		for _, v := range r.items {
			required[v.text] = true
		}
	}
	plain := true
	for _, p := range properties {
		if p.value.get("title") != nil || p.value.get("description") != nil || p.value.get("default") != nil {
			plain = false
		}
	}
	open, between, end := "{\n", "", "}"
	if plain {
		open, between, end = "{ ", ", ", " }"
	}
	w.text(open)
	for i, p := range properties {
		if i > 0 {
			w.text(between)
		}
		if !plain {
			w.heading(p.value)
		}
		w.text(p.name)
		if !required[quote(p.name)] {
			w.text("?")
		}
		w.text(": ")
		w.typ(p.value)
		if plain {
			continue
		}
		w.text(",")
		if d := p.value.get("default"); d != nil {
			w.text(" // default: ")
			d.write(&w.b)
		}
		w.text("\n")
	}
	w.text(end)
}

// typ writes the type of n.
func (w *typescript) typ(n *node) {
	if w.b.Len() > maxText {
		return
	}
	if to := w.resolve(n); to != n {
		if w.refs == maxRefs {
			w.text("any")
			return
		}
		w.refs++
		defer func() { w.refs-- }()
		n = to
	}
	if e := n.get("enum"); e != nil && len(e.items) > 0 {
		for i, v := range e.items {
			if i > 0 {
				w.text(" | ")
			}
			v.write(&w.b)
		}
		return
	}
	if a := n.get("anyOf"); a != nil {
		for _, v := range a.items {
			w.text("\n | ")
			w.typ(v)
			if f := v.str("format"); f != "" {
				w.text(" // format: " + f)
			}
		}
		return
	}
	if t := n.get("type"); t != nil && t.kind == '[' {
		for i, v := range t.items {
			if i > 0 {
				w.text(" | ")
			}
			w.named(strings.Trim(v.text, `"`), n)
		}
		return
	}
	w.named(n.str("type"), n)
}

// named writes the type of n of which its schema gives the name.
func (w *typescript) named(name string, n *node) {
	switch name {
	case "string", "number", "boolean", "null":
		w.text(name)
	case "integer":
		w.text("number")
	case "array":
		w.array(n.get("items"))
	case "object":
		if p := n.get("properties"); p != nil && len(p.members) > 0 {
			w.object(n)
		} else {
			w.text("object")
		}
	default:
		w.text("any")
	}
}

func (w *typescript) array(items *node) {
	if items == nil {
		w.text("any[]")
		return
	}
	to := w.resolve(items)
	if to.get("properties") != nil && (to.str("title") != "" || to.str("description") != "") {
		w.text("Array<\n")
		w.heading(to)
		w.typ(items)
		w.text("\n>")
		return
	}
	w.typ(items)
	w.text("[]")
}

// resolve returns what a reference inside the schema points to, and n if it is
// none.
func (w *typescript) resolve(n *node) *node {
	ref, ok := strings.CutPrefix(n.str("$ref"), "#/")
	if !ok {
		return n
	}
	to := w.root
	for name := range strings.SplitSeq(ref, "/") {
		to = to.get(name)
	}
	if to == nil {
		return n
	}
	return to
}
