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
	pages = append(pages, "../docs/from-langchain.md", "../README.md")
	if len(pages) < 4 {
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

// TestDocLinks: every page can be reached from README.md, and no link leads
// nowhere.
func TestDocLinks(t *testing.T) {
	var pages []string
	for _, pattern := range []string{"../*.md", "../examples/*.md", "../docs/*.md", "../docs/zh/*.md"} {
		some, _ := filepath.Glob(pattern)
		pages = append(pages, some...)
	}
	links := map[string][]string{}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(code.ReplaceAllString(string(text), ""), -1) {
			target := filepath.Join(filepath.Dir(page), m[1])
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: %v", page, err)
			}
			links[page] = append(links[page], target)
		}
	}
	reached := map[string]bool{"../README.md": true}
	for todo := []string{"../README.md"}; len(todo) > 0; todo = todo[1:] {
		for _, target := range links[filepath.ToSlash(todo[0])] {
			if target = filepath.ToSlash(target); !reached[target] {
				reached[target] = true
				todo = append(todo, target)
			}
		}
	}
	for _, page := range pages {
		if !reached[filepath.ToSlash(page)] {
			t.Errorf("no link from README.md leads to %s", page)
		}
	}
}
