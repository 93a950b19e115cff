// Package stability holds the module to what docs/stability.md promises: its
// exported names stand in docs/api.txt, and the names in its telemetry stand in
// the page.
package stability

import (
	"fmt"
	"go/ast"
	"go/build"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

const root = "../.."

// publicDirs returns the directories of the packages that other modules can
// import, with slashes and relative to the root, sorted.
func publicDirs(t *testing.T) []string {
	t.Helper()
	var dirs []string
	err := fs.WalkDir(os.DirFS(root), ".", func(dir string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		name := d.Name()
		switch {
		case dir == ".":
		case name == "internal", name == "testdata", dir == "cmd", dir == "examples", name[0] == '.', name[0] == '_':
			return fs.SkipDir
		default:
			if _, err := os.Stat(filepath.Join(root, dir, "go.mod")); err == nil {
				return fs.SkipDir // a module of its own
			}
		}
		p, err := build.ImportDir(filepath.Join(root, dir), 0)
		if _, none := err.(*build.NoGoError); none {
			return nil
		}
		if err == nil && p.Name != "main" {
			dirs = append(dirs, dir)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return dirs
}

// A loader type-checks packages of the module from source. What they import
// comes from the compiler's export data, which is in the build cache.
type loader struct {
	fset    *token.FileSet
	imports types.Importer
}

func newLoader(t *testing.T, dirs []string) *loader {
	t.Helper()
	args := []string{"list", "-export", "-deps", "-f", "{{.ImportPath}}\t{{.Export}}"}
	for _, dir := range dirs {
		args = append(args, "./"+dir)
	}
	cmd := exec.Command("go", args...)
	cmd.Dir = root
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	exports := map[string]string{}
	for line := range strings.Lines(string(out)) {
		name, file, _ := strings.Cut(strings.TrimSpace(line), "\t")
		exports[name] = file
	}
	l := &loader{fset: token.NewFileSet()}
	l.imports = importer.ForCompiler(l.fset, "gc", func(name string) (io.ReadCloser, error) {
		if exports[name] == "" {
			return nil, fmt.Errorf("no export data for %s", name)
		}
		return os.Open(exports[name])
	})
	return l
}

// load returns the package in dir.
func (l *loader) load(t *testing.T, dir string) *types.Package {
	t.Helper()
	p, err := build.ImportDir(filepath.Join(root, dir), 0)
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, name := range p.GoFiles {
		f, err := parser.ParseFile(l.fset, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	conf := types.Config{Importer: l.imports}
	pkg, err := conf.Check(path.Join("github.com/callspan/callspan", dir), l.fset, files, nil)
	if err != nil {
		t.Fatal(err)
	}
	return pkg
}
