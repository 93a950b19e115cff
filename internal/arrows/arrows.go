// Package arrows checks which package imports which: the design's arrows point
// one way. The arrows themselves are the tables of its test.
package arrows

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
)

// A Package is what go list says of one. Its tests are outside.
type Package struct {
	ImportPath string
	Imports    []string
	Deps       []string // imports of imports too
}

// List returns the packages of module, in whose tree the program runs. It is an
// error if there are none.
func List(module string) ([]Package, error) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports,Deps", module+"/...").Output()
	if err != nil {
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			err = fmt.Errorf("%w: %s", err, exit.Stderr)
		}
		return nil, fmt.Errorf("list packages: %w", err)
	}
	var all []Package
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p Package
		err := d.Decode(&p)
		if err == io.EOF && len(all) > 0 {
			return all, nil
		}
		if err != nil {
			return nil, fmt.Errorf("list packages: %w", err)
		}
		all = append(all, p)
	}
}

// A Rule says what the packages of a pattern import. A pattern is a path,
// "./" standing for the module's root; "path/..." is path and all below it, and
// "..." is everything. Of several rules for a package the longest pattern counts.
type Rule struct {
	Packages string
	May      []string // imports besides the standard library
	Never    []string // what it must not reach through others either
}

// An Owner says that only some packages import a library themselves.
type Owner struct {
	Library  string
	Packages []string
}

// Check returns what breaks rules and owners, a line each.
func Check(module string, packages []Package, rules []Rule, owners []Owner) []string {
	var found []string
	report := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	for _, p := range packages {
		name := local(module, p.ImportPath)
		rule, ok := longest(rules, name)
		if !ok {
			report("%s: no rule says what it may import", name)
			continue
		}
		for _, path := range p.Imports {
			path = local(module, path)
			if !standard(path) && !matches(rule.May, path) {
				report("%s imports %s", name, path)
			}
			for _, o := range owners {
				if matches([]string{o.Library}, path) && !matches(o.Packages, name) {
					report("%s imports %s, which is left to %s", name, path, strings.Join(o.Packages, ", "))
				}
			}
		}
		for _, path := range p.Deps {
			if path = local(module, path); matches(rule.Never, path) {
				report("%s reaches %s", name, path)
			}
		}
	}
	return found
}

// local writes the paths of the module as they are written in rules.
func local(module, path string) string {
	if path == module {
		return "./"
	}
	if below, ok := strings.CutPrefix(path, module+"/"); ok {
		return "./" + below
	}
	return path
}

// standard reports whether path is of the standard library, whose first
// element has no dot.
func standard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".")
}

func longest(rules []Rule, name string) (best Rule, ok bool) {
	for _, r := range rules {
		if matches([]string{r.Packages}, name) && (!ok || len(r.Packages) > len(best.Packages)) {
			best, ok = r, true
		}
	}
	return best, ok
}

func matches(patterns []string, path string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		dir, below := strings.CutSuffix(p, "...")
		return p == path || below && strings.HasPrefix(path+"/", dir)
	})
}
