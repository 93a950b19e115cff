package spantree

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/callspan/callspan/internal/golden"
)

// Golden compares spans, rendered, with a golden file as [golden.Equal] does.
func Golden(t testing.TB, path, section string, spans []Span, masks ...Mask) {
	t.Helper()
	golden.Equal(t, path, section, Render(spans, masks...))
}

// Render returns spans as a tree. The masks are laid over the default one. A
// span whose parent is not among spans is a root and says so. A blank line
// parts traces.
func Render(spans []Span, masks ...Mask) string {
	r := renderer{mask: defaultMask().with(masks), children: map[string][]Span{}, here: map[string]bool{}}
	for _, s := range spans {
		r.here[s.id] = true
	}
	byTrace := map[string][]Span{}
	for _, s := range spans {
		if s.parent != "" && s.parent != s.id && r.here[s.parent] {
			r.children[s.parent] = append(r.children[s.parent], s)
		} else {
			byTrace[s.trace] = append(byTrace[s.trace], s)
		}
	}
	var traces []branch
	for _, roots := range byTrace {
		b := r.siblings(roots, "")
		traces = append(traces, branch{start: b[0].start, text: join(b, "")})
	}
	order(traces)
	return join(traces, "\n")
}

type renderer struct {
	mask     Mask
	children map[string][]Span // by the id of the parent
	here     map[string]bool
}

// A branch is a rendered span with its children, or a rendered trace.
type branch struct {
	start int64
	text  string
}

// order sorts branches by start, and by text those that started together.
func order(b []branch) {
	slices.SortFunc(b, func(x, y branch) int {
		return cmp.Or(cmp.Compare(x.start, y.start), cmp.Compare(x.text, y.text))
	})
}

func join(branches []branch, sep string) string {
	texts := make([]string, len(branches))
	for i, b := range branches {
		texts[i] = b.text
	}
	return strings.Join(texts, sep)
}

func (r *renderer) siblings(spans []Span, indent string) []branch {
	out := make([]branch, len(spans))
	for i, s := range spans {
		out[i] = branch{start: s.start, text: r.span(s, indent)}
	}
	order(out)
	return out
}

func (r *renderer) span(s Span, indent string) string {
	var b strings.Builder
	b.WriteString(indent + "- " + s.Name)
	if s.Kind != "" && s.Kind != "unspecified" {
		b.WriteString(" (" + s.Kind + ")")
	}
	if s.Status != "" {
		b.WriteString(" " + s.Status)
	}
	if s.Reason != "" {
		b.WriteString(" " + strconv.Quote(stable(s.Reason)))
	}
	if s.parent != "" && !r.here[s.parent] {
		b.WriteString(" (its parent is not here)")
	}
	b.WriteString("\n")
	r.attrs(&b, s.Attrs, indent+"    ")
	for _, what := range []string{"attributes", "events", "links"} {
		if n := s.dropped[what]; n > 0 {
			fmt.Fprintf(&b, "%s    (%d %s dropped)\n", indent, n, what)
		}
	}
	for _, l := range s.Links {
		b.WriteString(indent + "    ~ link\n")
		r.attrs(&b, l, indent+"        ")
	}
	for _, e := range s.Events {
		b.WriteString(indent + "    * " + e.Name + "\n")
		r.attrs(&b, e.Attrs, indent+"        ")
	}
	b.WriteString(join(r.siblings(r.children[s.id], indent+"  "), ""))
	return b.String()
}

func (r *renderer) attrs(b *strings.Builder, attrs map[string]any, indent string) {
	for _, k := range slices.Sorted(maps.Keys(attrs)) {
		text, masked := r.mask.apply(k, attrs[k])
		if !masked {
			text = value(attrs[k])
		}
		b.WriteString(indent + k + " = " + text + "\n")
	}
}

// value shows v so that its type can be told: 1 is an integer, 1.0 is not.
func value(v any) string {
	switch v := v.(type) {
	case string:
		return strconv.Quote(stable(v))
	case float64:
		s := strconv.FormatFloat(v, 'g', -1, 64)
		if !strings.ContainsAny(s, ".eIN") {
			s += ".0"
		}
		return s
	case []byte:
		return "0x" + hex.EncodeToString(v)
	case []any:
		parts := make([]string, len(v))
		for i, e := range v {
			parts[i] = value(e)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case map[string]any:
		var parts []string
		for _, k := range slices.Sorted(maps.Keys(v)) {
			parts = append(parts, k+": "+value(v[k]))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return fmt.Sprint(v)
}
