package token

import (
	"strings"

	"github.com/callspan/callspan/llm"
)

// chapters are what the provider writes into the system message: which tools
// there are, and the schema of the answer.
type chapters struct {
	tools, format int // tokens of the texts
	around        int // tokens around them
}

func (d *dialect) chaptersOf(req *llm.Request) (c chapters) {
	memo := d.enc.memo
	if len(req.Tools) > 0 {
		key := memoKey{keyTools, uint64(len(req.Tools))}
		for i := range req.Tools {
			t := &req.Tools[i]
			key = key.and(memo.key(t.Name)).and(memo.key(t.Description)).and(memo.keyBytes(t.Parameters))
		}
		if d.responses && !d.reasoner {
			key = key.and(memoKey{1, 1})
		}
		n, ok := memo.load(key)
		if !ok {
			text, bare := renderTools(req.Tools)
			n = d.enc.count(text)
			if d.responses && !d.reasoner {
				n += len(req.Tools) - 1 + bare
			}
			memo.store(key, n)
		}
		c.tools = n
		c.around += d.tools + d.hidden
	}
	if f := req.Format; f != nil && f.Schema != nil {
		key := memoKey{a: keyFormat}.and(memo.key(f.Name)).and(memo.key(f.Description)).and(memo.keyBytes(f.Schema))
		n, ok := memo.load(key)
		if !ok {
			text, optional := renderFormat(f)
			n = d.enc.count(text) + 3*optional
			memo.store(key, n)
		}
		c.format = n
		c.around += d.format
	}
	if c != (chapters{}) {
		c.around += d.chapters
	}
	return c
}

// source is where the empty line before the chapters belongs to.
func (c chapters) source() llm.Source {
	switch {
	case c.tools > 0:
		return llm.SourceTools
	case c.format > 0:
		return llm.SourceOverhead
	}
	return llm.SourceAuto
}

// renderFormat writes the chapter on the schema of the answer, and counts the
// values that may be null, which are written in a longer way than they came.
func renderFormat(f *llm.Format) (text string, optional int) {
	var w typescript
	w.text("# Response Formats\n\n## " + f.Name + "\n\n")
	w.comment(f.Description)
	n := parse(f.Schema)
	if n == nil {
		return w.b.String() + string(f.Schema), 0
	}
	n.prune(unseen)
	n.write(&w.b)
	return w.b.String(), n.optional()
}

// unseen reports whether the model is not shown a keyword of the schema. Those
// that only bound a value are not.
func unseen(keyword string) bool {
	switch keyword {
	case "additionalProperties", "required", "default",
		"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf",
		"minItems", "maxItems", "minLength", "maxLength":
		return true
	}
	return false
}

// renderTools writes the chapter on the tools, and counts those without
// parameters.
func renderTools(tools []llm.Tool) (text string, bare int) {
	var w typescript
	w.text("# Tools\n\n## functions\n\nnamespace functions {\n\n")
	for i := range tools {
		t := &tools[i]
		w.comment(t.Description)
		w.text("type " + t.Name + " = (")
		w.root = parse(t.Parameters)
		if p := w.root.get("properties"); p != nil && len(p.members) > 0 {
			w.text("_: ")
			w.heading(w.root)
			w.object(w.root)
		} else {
			bare++
		}
		w.text(") => any;\n\n")
	}
	w.text("} // namespace functions")
	return w.b.String(), bare
}

// callText returns how calls made at once are shown in the history: as one call
// of a function that takes them as its arguments.
func callText(calls []llm.ToolCall) string {
	var b strings.Builder
	b.WriteString(`{"tool_uses":[`)
	for i := range calls {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`{"recipient_name":"functions.` + calls[i].Name + `","parameters":`)
		b.WriteString(compact(calls[i].Arguments))
		b.WriteByte('}')
	}
	b.WriteString("]}")
	return b.String()
}
