package stability

import (
	"go/types"
	"slices"
	"strings"
	"testing"

	"github.com/callspan/callspan/internal/golden"
)

// TestAPI fails when the exported API is not the one in docs/api.txt.
func TestAPI(t *testing.T) {
	dirs := publicDirs(t)
	l := newLoader(t, dirs)
	var b strings.Builder
	b.WriteString("# The exported API, by package. Written by go test ./internal/stability -update\n")
	for _, dir := range dirs {
		pkg := l.load(t, dir)
		b.WriteString("\npackage " + pkg.Path() + "\n")
		for _, line := range api(pkg) {
			b.WriteString(line + "\n")
		}
	}
	golden.Equal(t, root+"/docs/api.txt", "", b.String())
	if t.Failed() {
		t.Error("The exported API has changed. If that is meant, run\n" +
			"\tgo test ./internal/stability -update\n" +
			"and add a line to CHANGELOG.md that tells users what to do.")
	}
}

// api returns a line for everything that importers of pkg can name, sorted.
func api(pkg *types.Package) []string {
	q := func(p *types.Package) string {
		if p == pkg {
			return ""
		}
		return p.Name()
	}
	var lines []string
	add := func(words ...string) { lines = append(lines, strings.Join(words, " ")) }
	for _, name := range pkg.Scope().Names() {
		obj := pkg.Scope().Lookup(name)
		if !obj.Exported() {
			continue
		}
		switch obj := obj.(type) {
		case *types.Const:
			typ := types.TypeString(obj.Type(), q) + " "
			if strings.HasPrefix(typ, "untyped ") {
				typ = ""
			}
			add("const", name, typ+"=", obj.Val().ExactString())
		case *types.TypeName:
			lines = append(lines, typeLines(obj, q)...)
		default:
			add(types.ObjectString(obj, q))
		}
	}
	slices.Sort(lines)
	return lines
}

// typeLines returns the lines of a type, of its exported fields and of its
// exported methods.
func typeLines(obj *types.TypeName, q types.Qualifier) []string {
	if obj.IsAlias() {
		return []string{"type " + obj.Name() + " = " + types.TypeString(types.Unalias(obj.Type()), q)}
	}
	name := types.TypeString(obj.Type(), q)
	under := obj.Type().Underlying()
	head, lines := "type "+name+" ", []string(nil)
	switch u := under.(type) {
	case *types.Struct:
		head += "struct"
		for f := range u.Fields() {
			switch {
			case f.Embedded() && f.Exported():
				lines = append(lines, head+", embedded "+types.TypeString(f.Type(), q))
			case f.Exported():
				lines = append(lines, head+", "+f.Name()+" "+types.TypeString(f.Type(), q))
			}
		}
	case *types.Interface:
		head += "interface"
		for m := range u.Methods() {
			if !m.Exported() {
				lines = append(lines, head+", unexported methods")
				continue
			}
			lines = append(lines, head+", "+m.Name()+signature(m.Type(), q))
		}
		return append(lines, head)
	default:
		head += types.TypeString(under, q)
	}
	lines = append(lines, head)
	byValue := types.NewMethodSet(obj.Type())
	for sel := range types.NewMethodSet(types.NewPointer(obj.Type())).Methods() {
		m := sel.Obj()
		if !m.Exported() || promotedByExported(sel, under) {
			continue
		}
		recv := "(*" + name + ")"
		if byValue.Lookup(m.Pkg(), m.Name()) != nil {
			recv = "(" + name + ")"
		}
		lines = append(lines, "method "+recv+" "+m.Name()+signature(sel.Type(), q))
	}
	return lines
}

// promotedByExported reports whether a method comes from an exported embedded
// field, whose own line says so.
func promotedByExported(sel *types.Selection, under types.Type) bool {
	s, ok := under.(*types.Struct)
	return ok && len(sel.Index()) > 1 && s.Field(sel.Index()[0]).Exported()
}

func signature(t types.Type, q types.Qualifier) string {
	return strings.TrimPrefix(types.TypeString(t, q), "func")
}
