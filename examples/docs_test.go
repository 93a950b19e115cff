package examples

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// code finds the pieces of Go in a page, with the file that each is taken from.
var code = regexp.MustCompile("(?s)(?:<!-- code: (\\S+) -->\n)?```go\n(.*?)```")

// TestDocs: what pages show is code that compiles, and still the same.
func TestDocs(t *testing.T) {
	pages, _ := filepath.Glob("../docs/zh/*.md")
	pages = append(pages, "../docs/from-langchain.md")
	if len(pages) < 3 {
		t.Fatalf("pages %v", pages)
	}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range code.FindAllStringSubmatch(string(text), -1) {
			if m[1] == "" {
				t.Errorf("%s: nothing says where this code is from:\n%s", page, m[2])
				continue
			}
			source, err := os.ReadFile(filepath.Join("..", m[1]))
			if err != nil {
				t.Error(err)
			} else if !strings.Contains(flat(string(source)), flat(m[2])) {
				t.Errorf("%s: not in %s:\n%s", page, m[1], m[2])
			}
		}
	}
}

// flat returns text without indentation and the spaces that align it.
func flat(text string) string { return strings.Join(strings.Fields(text), " ") }

// link finds the targets of links inside of the repository.
var link = regexp.MustCompile(`\]\(([^)#:]+)(?:#[^)]*)?\)`)

func TestDocLinks(t *testing.T) {
	pages, _ := filepath.Glob("../docs/zh/*.md")
	for _, page := range append(pages, "../docs/from-langchain.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(code.ReplaceAllString(string(text), ""), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), m[1])); err != nil {
				t.Errorf("%s: %v", page, err)
			}
		}
	}
}
