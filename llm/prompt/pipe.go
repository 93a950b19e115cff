package prompt

import (
	"reflect"
	"text/template/parse"
)

// pipe follows the values of a pipeline, and declares its variables.
func (w *walker) pipe(p *parse.PipeNode, dot flow) flow {
	var f flow
	for i, cmd := range p.Cmds {
		f = w.command(cmd, dot, f, i > 0)
	}
	for _, v := range p.Decl {
		if !p.IsAssign {
			w.vars = append(w.vars, goVariable{v.Ident[0], f})
			continue
		}
		w.assign(v.Ident[0], f)
	}
	return f
}

// assign notes that f goes into a variable that is there already.
func (w *walker) assign(name string, f flow) {
	for i := len(w.vars) - 1; i >= 0; i-- {
		if w.vars[i].name == name {
			if w.vars[i].flow != f {
				w.vars[i].flow = join(w.vars[i].flow, f)
			}
			return
		}
	}
}

// command follows the arguments of a command, the last of which may be what
// the pipeline had before.
func (w *walker) command(cmd *parse.CommandNode, dot, last flow, piped bool) flow {
	first := w.arg(cmd.Args[0], dot)
	if _, called := cmd.Args[0].(*parse.IdentifierNode); !called && len(cmd.Args) == 1 && !piped {
		return first
	}
	w.consume(first)
	first.typ, first.root = nil, false
	for _, n := range cmd.Args[1:] {
		f := w.arg(n, dot)
		w.consume(f)
		first = join(first, f)
	}
	if piped {
		w.consume(last)
		first = join(first, last)
	}
	first.style.hasSep, first.style.sep = false, ""
	return first
}

func (w *walker) arg(n parse.Node, dot flow) flow {
	switch n := n.(type) {
	case *parse.DotNode:
		return dot
	case *parse.FieldNode:
		return w.fields(dot, n.Ident, n)
	case *parse.VariableNode:
		f := w.dot
		if n.Ident[0] != "$" {
			f = flow{}
			for _, v := range w.vars { // the innermost counts
				if v.name == n.Ident[0] {
					f = v.flow
				}
			}
		}
		return w.fields(f, n.Ident[1:], n)
	case *parse.ChainNode:
		return w.fields(w.arg(n.Node, dot), n.Field, n)
	case *parse.PipeNode:
		return w.pipe(n, dot)
	case *parse.IdentifierNode:
		if b := w.c.binds[n.Ident]; b != nil {
			b.used = true
		}
	}
	return flow{} // a function, or a constant
}

func (w *walker) fields(f flow, names []string, n parse.Node) flow {
	for _, name := range names {
		f = w.field(f, name, n)
	}
	return f
}

// field returns what is known of a field or method of f.
func (w *walker) field(f flow, name string, n parse.Node) flow {
	root := f.root
	f.root, f.style.hasSep, f.style.sep = false, false, ""
	if root && w.c.offer.kind == offerSingle {
		w.c.use(".")
	}
	if f.typ == nil {
		return f
	}
	t := pointed(f.typ)
	for _, has := range []reflect.Type{t, reflect.PointerTo(t)} {
		if m, ok := has.MethodByName(name); ok {
			if root {
				w.consume(flow{root: true})
			}
			f.typ = nil
			if m.Type.NumOut() > 0 {
				f.typ = m.Type.Out(0)
			}
			return f
		}
	}
	switch t.Kind() {
	case reflect.Struct:
		if sf, ok := t.FieldByName(name); ok && sf.IsExported() {
			return w.structField(f, root, sf, n)
		}
		w.unknown(t, root, name, n)
	case reflect.Map:
		f.typ = t.Elem()
		if root {
			w.c.use(name)
		}
		return f
	case reflect.Interface:
	default:
		w.unknown(t, root, name, n)
	}
	f.typ = nil
	return f
}

func (w *walker) structField(f flow, root bool, sf reflect.StructField, n parse.Node) flow {
	f.typ = sf.Type
	if f.style.source == 0 {
		f.style.source = typeSource(sf.Type)
	}
	if !root || w.c.offer.kind == offerSingle {
		return f
	}
	for _, v := range w.c.offer.fields {
		if v.goName == sf.Name {
			w.c.use(v.name)
			if f.style = v.style; f.style.source == 0 {
				f.style.source = typeSource(sf.Type)
			}
			return f
		}
	}
	if sf.Anonymous {
		w.consume(flow{root: true})
		return f
	}
	w.unknown(w.c.offer.typ, root, sf.Name, n) // tagged "-"
	return f
}

func (w *walker) unknown(t reflect.Type, root bool, name string, n parse.Node) {
	if root && w.c.offer.kind == offerStruct {
		w.fail("unknown variable .%s at %s; %s", name, w.at(w.tree, n), w.c.offer.names(formGo))
		return
	}
	w.fail("unknown field .%s at %s: %v has none", name, w.at(w.tree, n), t)
}
