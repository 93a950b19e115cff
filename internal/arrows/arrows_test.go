package arrows_test

import (
	"slices"
	"testing"

	"github.com/callspan/callspan/internal/arrows"
)

const (
	module   = "github.com/callspan/callspan"
	goOpenAI = "github.com/sashabaranov/go-openai/..."
	tiktoken = "github.com/pkoukk/..."
	otel     = "go.opentelemetry.io/..."
	grpc     = "google.golang.org/..."
	schemas  = "github.com/google/jsonschema-go/..."
	group    = "golang.org/x/sync/..."
	sse      = "./internal/sse"
	visible  = "./internal/visible"
	schema   = "./internal/schema"
)

// rules are the arrows of the design. A new package needs a line here.
var rules = []arrows.Rule{
	{Packages: "./llm"},
	{Packages: "./llm/prompt", May: []string{"./llm"}},
	{Packages: "./llm/price", May: []string{"./llm"}},
	{Packages: "./llm/token", May: []string{"./llm", tiktoken}, Never: []string{otel, goOpenAI}},
	{Packages: "./callback", May: []string{"./llm", "./llm/price", visible}, Never: []string{"./llm/token", otel, goOpenAI, tiktoken}},
	{Packages: "./callback/callbacktest", May: []string{"./llm", "./callback"}, Never: []string{"./llm/token", otel, goOpenAI, tiktoken}},
	{Packages: "./llm/openai", May: []string{"./llm", "./llm/price", "./llm/token", "./callback", sse, goOpenAI}, Never: []string{otel}},
	{Packages: "./llm/openai/doortest", May: []string{"./llm", "./callback", "./internal/standin"}, Never: []string{otel, goOpenAI, tiktoken}},
	{Packages: "./memory", May: []string{"./llm", "./llm/prompt", "./callback"}, Never: []string{"./chain", otel, goOpenAI, tiktoken}},
	{Packages: "./chain", May: []string{"./llm", "./llm/prompt", "./callback", "./memory", schema, group}, Never: []string{"./chain/...", otel, goOpenAI, tiktoken}},
	{Packages: "./chain/tool", May: []string{"./llm", "./callback", schema}, Never: []string{"./memory", otel, goOpenAI, tiktoken}},
	{Packages: "./chain/agent", May: []string{"./llm", "./callback", "./memory", "./chain/tool", group}, Never: []string{otel, goOpenAI, tiktoken}},
	{Packages: "./chain/retrieval", May: []string{"./llm", "./callback", group}, Never: []string{otel, goOpenAI, tiktoken}},
	{Packages: "./tracing", May: []string{"./llm", "./llm/price", "./callback", visible, otel, grpc}, Never: []string{goOpenAI, tiktoken}},
	{Packages: "./cost", May: []string{"./llm", "./llm/price", "./internal/...", otel, grpc}, Never: []string{"./chain", "./memory", goOpenAI, tiktoken}},
	{Packages: "./cmd/...", May: []string{"..."}},
	{Packages: "./examples/...", May: []string{"..."}},
	{Packages: "./internal/...", May: []string{"..."}},
	{Packages: visible, Never: []string{"./..."}},
	{Packages: sse, Never: []string{"./..."}},
	{Packages: schema, May: []string{schemas}, Never: []string{"./..."}},
}

// owners are the libraries that are kept in one place.
var owners = []arrows.Owner{
	{Library: otel, Packages: []string{"./tracing", "./cost", "./cmd/...", "./internal/...", "./examples/..."}},
	{Library: goOpenAI, Packages: []string{"./llm/openai", "./cmd/...", "./internal/...", "./examples/..."}},
	{Library: tiktoken, Packages: []string{"./llm/token"}},
	{Library: schemas, Packages: []string{schema}},
}

func TestArrows(t *testing.T) {
	packages, err := arrows.List(module)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(packages, func(p arrows.Package) bool { return p.ImportPath == module+"/llm" }) {
		t.Fatalf("the list lacks llm: %v", packages)
	}
	for _, broken := range arrows.Check(module, packages, rules, owners) {
		t.Error(broken)
	}
}

// TestBrokenArrows breaks each arrow once.
func TestBrokenArrows(t *testing.T) {
	const (
		token  = module + "/llm/token"
		bpe    = "github.com/pkoukk/tiktoken-go"
		client = "github.com/sashabaranov/go-openai"
		trace  = "go.opentelemetry.io/otel/trace"
	)
	imports := func(path string, imports ...string) arrows.Package {
		return arrows.Package{ImportPath: module + path, Imports: imports, Deps: imports}
	}
	reaches := func(path string, deps ...string) arrows.Package {
		return arrows.Package{ImportPath: module + path, Deps: deps}
	}
	for _, tc := range []struct {
		name string
		p    arrows.Package
		want []string
	}{
		{"allowed", imports("/llm/openai", "context", "net/http", module+"/llm", module+"/callback", token, client, client+"/jsonschema"), nil},
		{"allowed below", imports("/cmd/callspan", module+"/tracing", client, trace), nil},
		{"reached, not imported", reaches("/llm/openai", bpe), nil},
		{"llm imports a library", imports("/llm", "example.com/uuid"), []string{"./llm imports example.com/uuid"}},
		{"llm imports callback", imports("/llm", module+"/callback"), []string{"./llm imports ./callback"}},
		{"price imports a library", imports("/llm/price", "gopkg.in/yaml.v3"), []string{"./llm/price imports gopkg.in/yaml.v3"}},
		{"token imports callback", imports("/llm/token", module+"/callback"), []string{"./llm/token imports ./callback"}},
		{"callback imports token", imports("/callback", token), []string{"./callback imports ./llm/token", "./callback reaches ./llm/token"}},
		{"callback reaches token", reaches("/callback", token), []string{"./callback reaches ./llm/token"}},
		{"callback reaches otel", reaches("/callback", trace), []string{"./callback reaches " + trace}},
		{"callback's test kit imports a library", imports("/callback/callbacktest", "testing", module+"/llm", module+"/callback", "go.uber.org/goleak"),
			[]string{"./callback/callbacktest imports go.uber.org/goleak"}},
		{"callback's test kit reaches otel", reaches("/callback/callbacktest", trace), []string{"./callback/callbacktest reaches " + trace}},
		{"openai reaches otel", reaches("/llm/openai", trace), []string{"./llm/openai reaches " + trace}},
		{"openai imports tiktoken", imports("/llm/openai", bpe), []string{"./llm/openai imports " + bpe, "./llm/openai imports " + bpe + ", which is left to ./llm/token"}},
		{"memory imports chain", imports("/memory", module+"/chain"), []string{"./memory imports ./chain", "./memory reaches ./chain"}},
		{"memory reaches go-openai", reaches("/memory", client), []string{"./memory reaches " + client}},
		{"chain imports the schemas' library", imports("/chain", "github.com/google/jsonschema-go/jsonschema"),
			[]string{"./chain imports github.com/google/jsonschema-go/jsonschema", "./chain imports github.com/google/jsonschema-go/jsonschema, which is left to ./internal/schema"}},
		{"schema imports ours", imports("/internal/schema", module+"/llm"), []string{"./internal/schema imports ./llm", "./internal/schema reaches ./llm"}},
		{"chain imports tracing", imports("/chain", module+"/tracing"), []string{"./chain imports ./tracing"}},
		{"chain reaches tiktoken", reaches("/chain", bpe), []string{"./chain reaches " + bpe}},
		{"chain reaches otel", reaches("/chain", trace), []string{"./chain reaches " + trace}},
		{"tracing reaches go-openai", reaches("/tracing", client), []string{"./tracing reaches " + client}},
		{"tracing imports chain", imports("/tracing", module+"/chain"), []string{"./tracing imports ./chain"}},
		{"cost imports chain", imports("/cost", module+"/chain"), []string{"./cost imports ./chain", "./cost reaches ./chain"}},
		{"command imports tiktoken", imports("/cmd/callspan", bpe), []string{"./cmd/callspan imports " + bpe + ", which is left to ./llm/token"}},
		{"visible imports ours", imports("/internal/visible", module+"/llm"), []string{"./internal/visible imports ./llm", "./internal/visible reaches ./llm"}},
		{"new room", imports("/agent", "context"), []string{"./agent: no rule says what it may import"}},
		{"new room in a room", imports("/llm/gemini"), []string{"./llm/gemini: no rule says what it may import"}},
		{"root", imports("", "context"), []string{"./: no rule says what it may import"}},
		{"a longer name", imports("/cmdline", "context"), []string{"./cmdline: no rule says what it may import"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := arrows.Check(module, []arrows.Package{tc.p}, rules, owners); !slices.Equal(got, tc.want) {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

// TestOwners takes the rules away, so that the owners alone must speak.
func TestOwners(t *testing.T) {
	all := []arrows.Rule{{Packages: "...", May: []string{"..."}}}
	for path, library := range map[string]string{"chain": "go.opentelemetry.io/otel", "tracing": "github.com/sashabaranov/go-openai", "memory": "github.com/pkoukk/tiktoken-go-loader"} {
		p := arrows.Package{ImportPath: module + "/" + path, Imports: []string{library}}
		if got := arrows.Check(module, []arrows.Package{p}, all, owners); len(got) != 1 {
			t.Errorf("%s importing %s: got %q", path, library, got)
		}
	}
}

func TestListNothing(t *testing.T) {
	if got, err := arrows.List("example.com/not/here"); err == nil {
		t.Errorf("got %v", got)
	}
}
