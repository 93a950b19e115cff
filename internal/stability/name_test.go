package stability

import (
	"go/constant"
	"go/types"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestNames fails when the constants in tracing/key.go and the names in
// docs/stability.md are not the same.
func TestNames(t *testing.T) {
	data, err := os.ReadFile(root + "/docs/stability.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(data)

	known := map[string]bool{}
	var prefixes []string
	for constName, value := range keyConstants(t) {
		known[value] = true
		want := "`" + value + "`"
		switch {
		case strings.HasPrefix(constName, "prefix"):
			prefixes = append(prefixes, value)
			want = "`" + value + "{"
		case strings.HasPrefix(constName, "suffix"):
			want = "}" + value + "`"
		}
		if !strings.Contains(page, want) {
			t.Errorf("docs/stability.md lacks %s, tracing/key.go has it as %s", want, constName)
		}
	}

	inPage := regexp.MustCompile("`((?:callspan|gen_ai|openai|exception)\\.[a-z0-9_.]+)(\\{[a-z]+\\}[a-z_]*)?`")
	for _, m := range inPage.FindAllStringSubmatch(page, -1) {
		name, template := m[1], m[2] != ""
		if template && !slices.Contains(prefixes, name) || !template && !known[name] {
			t.Errorf("docs/stability.md has %s, tracing/key.go does not", m[0])
		}
	}
	if t.Failed() {
		t.Error("Names in telemetry are API: change the tables of docs/stability.md and add a line to CHANGELOG.md.")
	}
}

// keyConstants returns the string constants of tracing/key.go by name.
func keyConstants(t *testing.T) map[string]string {
	t.Helper()
	l := newLoader(t, []string{"tracing"})
	scope := l.load(t, "tracing").Scope()
	out := map[string]string{}
	for _, name := range scope.Names() {
		c, ok := scope.Lookup(name).(*types.Const)
		if ok && filepath.Base(l.fset.Position(c.Pos()).Filename) == "key.go" && c.Val().Kind() == constant.String {
			out[name] = constant.StringVal(c.Val())
		}
	}
	if len(out) < 50 {
		t.Fatalf("found only %d constants in tracing/key.go", len(out))
	}
	return out
}
