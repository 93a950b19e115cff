package prompt

import (
	"fmt"
	"reflect"
	"slices"
	"text/template"
	"text/template/parse"

	"github.com/callspan/callspan/llm"
)

// A flow is what is known of a value inside a Go template.
type flow struct {
	typ   reflect.Type // nil: not known
	root  bool         // the variables as a whole
	input bool         // some of it comes from variables
	style style
}

// join returns what is known of a value that a or b goes into.
func join(a, b flow) flow {
	switch {
	case !b.input:
		a.typ, a.root = nil, false
		return a
	case !a.input:
		b.typ, b.root = nil, false
		return b
	case a == b:
		return a
	}
	joined := flow{input: true}
	if a.style.source == b.style.source {
		joined.style.source = a.style.source
	}
	return joined
}

// A walker follows the variables through the templates of a text.
type walker struct {
	c     *compiler
	place place
	texts map[string]string // by name
	tmpl  *template.Template
	marks []mark

	tree *parse.Tree // being walked
	dot  flow        // that it began with: $
	vars []goVariable
	err  error
}

type goVariable struct {
	name string
	flow flow
}

func (w *walker) walk() error {
	order, err := w.order()
	if err != nil {
		return err
	}
	dots := map[string]flow{mainName: {typ: w.c.offer.typ, root: true, input: true}}
	for _, name := range order {
		w.tree, w.dot, w.vars = w.tmpl.Lookup(name).Tree, dots[name], nil
		w.list(w.tree.Root, w.dot, func(callee string, dot flow) {
			if e := w.c.embeds[callee]; e != nil {
				e.used = true
			}
			if old, twice := dots[callee]; twice && old != dot {
				dot = join(old, dot)
			}
			dots[callee] = dot
		})
		if w.err != nil {
			return w.err
		}
	}
	return nil
}

// order returns the templates that the text calls, each before those that it
// calls itself. Those that come back to themselves are an error.
func (w *walker) order() ([]string, error) {
	var order, stack []string
	weigh := map[string]int{}
	var visit func(name string) error
	visit = func(name string) error {
		if i := slices.Index(stack, name); i >= 0 {
			return cycleError(append(slices.Clone(stack[i:]), name))
		}
		if weigh[name] > 0 {
			return nil
		}
		stack = append(stack, name)
		tree, n := w.tmpl.Lookup(name).Tree, 1
		for _, call := range calls(tree.Root, nil) {
			if t := w.tmpl.Lookup(call.Name); t == nil || t.Tree == nil {
				return fmt.Errorf("unknown template %q at %s; embed it with prompt.Embed, or define it", call.Name, w.at(tree, call))
			}
			if err := visit(call.Name); err != nil {
				return err
			}
			if n += weigh[call.Name]; n > maxSteps {
				return errMultiplied
			}
		}
		weigh[name] = n
		stack = stack[:len(stack)-1]
		order = append(order, name)
		return nil
	}
	err := visit(mainName)
	slices.Reverse(order)
	return order, err
}

// calls appends the templates that a node calls.
func calls(n parse.Node, found []*parse.TemplateNode) []*parse.TemplateNode {
	branch := func(b *parse.BranchNode) {
		found = calls(b.List, found)
		if b.ElseList != nil {
			found = calls(b.ElseList, found)
		}
	}
	switch n := n.(type) {
	case *parse.ListNode:
		if n != nil {
			for _, m := range n.Nodes {
				found = calls(m, found)
			}
		}
	case *parse.TemplateNode:
		found = append(found, n)
	case *parse.IfNode:
		branch(&n.BranchNode)
	case *parse.RangeNode:
		branch(&n.BranchNode)
	case *parse.WithNode:
		branch(&n.BranchNode)
	}
	return found
}

func (w *walker) at(t *parse.Tree, n parse.Node) string {
	return at(w.texts[t.ParseName], int(n.Position()))
}

// fail notes the first error.
func (w *walker) fail(format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf(format, args...)
		if w.tree.ParseName != mainName {
			w.err = fmt.Errorf("in the embedded %s: %w", w.tree.ParseName, w.err)
		}
	}
}

func (w *walker) list(l *parse.ListNode, dot flow, called func(string, flow)) {
	if l == nil {
		return
	}
	defer func(n int) { w.vars = w.vars[:n] }(len(w.vars))
	for _, n := range l.Nodes {
		switch n := n.(type) {
		case *parse.ActionNode:
			f := w.pipe(n.Pipe, dot)
			if len(n.Pipe.Decl) == 0 {
				w.print(n, f)
			}
		case *parse.TemplateNode:
			var f flow
			if n.Pipe != nil {
				f = w.pipe(n.Pipe, dot)
			}
			called(n.Name, f)
		case *parse.IfNode:
			w.branch(&n.BranchNode, dot, called)
		case *parse.WithNode:
			w.branch(&n.BranchNode, dot, called)
		case *parse.RangeNode:
			w.branch(&n.BranchNode, dot, called)
		}
	}
}

func (w *walker) branch(b *parse.BranchNode, dot flow, called func(string, flow)) {
	defer func(n int) { w.vars = w.vars[:n] }(len(w.vars))
	f := w.pipe(b.Pipe, dot)
	inner := dot
	switch b.NodeType {
	case parse.NodeWith:
		inner = f
	case parse.NodeRange:
		w.consume(f)
		inner = elements(f)
		first := len(w.vars) - len(b.Pipe.Decl)
		for i, v := range b.Pipe.Decl {
			one := inner
			if i < len(b.Pipe.Decl)-1 {
				one.typ = nil // the index
			}
			if b.Pipe.IsAssign {
				w.assign(v.Ident[0], one)
			} else {
				w.vars[first+i].flow = one
			}
		}
	}
	w.list(b.List, inner, called)
	w.list(b.ElseList, dot, called)
}

// elements returns what a range over f yields.
func elements(f flow) flow {
	t := f.typ
	f.typ, f.root = nil, false
	if t == nil {
		return f
	}
	switch t = pointed(t); t.Kind() {
	case reflect.Slice, reflect.Array, reflect.Map:
		f.typ = t.Elem()
	}
	return f
}

// print notes where a value is printed, and has it written by writeValue.
func (w *walker) print(n *parse.ActionNode, f flow) {
	m := mark{style: f.style, what: n.Pipe.String(), text: w.texts[w.tree.ParseName], pos: int(n.Position())}
	m.style.place = w.place
	if !f.input {
		m.style.place.variable = w.place.literal
	}
	w.consume(f)
	if f.typ != nil {
		if _, err := writerOf(f.typ, false); err != nil {
			w.fail("variable %s at %s %w", m.what, w.at(w.tree, n), err)
		}
	}
	ident := parse.NewIdentifier(writeName).SetPos(n.Pos).SetTree(w.tree)
	i := len(w.marks)
	number := &parse.NumberNode{NodeType: parse.NodeNumber, Pos: n.Pos, IsInt: true, Int64: int64(i), Text: fmt.Sprint(i)}
	n.Pipe.Cmds = append(n.Pipe.Cmds, &parse.CommandNode{NodeType: parse.NodeCommand, Pos: n.Pos, Args: []parse.Node{ident, number}})
	w.marks = append(w.marks, m)
}

// consume notes that a value is used itself, not through its fields.
func (w *walker) consume(f flow) {
	if !f.root {
		return
	}
	if w.c.offer.kind == offerSingle {
		w.c.use(".")
		return
	}
	w.c.whole = true
	for _, v := range w.c.offer.fields {
		w.c.use(v.name)
	}
}

// typeSource returns the source that values of t have by their type.
func typeSource(t reflect.Type) llm.Source {
	for range 3 {
		switch t {
		case documentType:
			return llm.SourceRetrieved
		case messageType:
			return llm.SourceHistory
		}
		if elem := elemOf(t); elem != nil {
			t = elem
		}
	}
	return llm.SourceAuto
}

// pointed returns what t points to, if it is a pointer.
func pointed(t reflect.Type) reflect.Type {
	for range 4 {
		if t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
	}
	return t
}
