package prompt_test

import (
	"errors"
	"fmt"
	"math/big"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callspan/callspan/llm"
	"github.com/callspan/callspan/llm/prompt"
)

type Customer struct {
	Name   string
	secret string
}

type Order struct {
	Customer
	Number  int
	ID      string
	URLPath string
	Docs    []string `prompt:"docs,source=retrieved,sep= / "`
	Picture *llm.Media
	History []llm.Message
	Extra   map[string]int
	Key     string `prompt:"-"`
	Note    *string
	Given   any
	Done    func()
}

// textOf makes a template, formats it and takes it in parts, and returns the
// text or the error.
func textOf[T any](t *prompt.Text[T], err error, vars T) string {
	if err != nil {
		return err.Error()
	}
	text, err := t.Format(vars)
	parts, partsErr := t.Parts(vars)
	if fmt.Sprint(err) != fmt.Sprint(partsErr) {
		return fmt.Sprintf("Format says %v, and Parts %v", err, partsErr)
	}
	if err != nil {
		return err.Error()
	}
	if joined := (llm.Message{Parts: parts}).Text(); joined != text {
		return fmt.Sprintf("Format gives %q, and Parts %q", text, joined)
	}
	return text
}

func braces[T any](text string, vars T, defs ...prompt.Def) string {
	t, err := prompt.New[T](text, defs...)
	return textOf(t, err, vars)
}

func goText[T any](text string, vars T, defs ...prompt.Def) string {
	t, err := prompt.NewGo[T](text, defs...)
	return textOf(t, err, vars)
}

func TestText(t *testing.T) {
	note := "short"
	order := Order{Customer: Customer{Name: "Anna", secret: "x"}, Number: 7, ID: "o1", URLPath: "/o/1",
		Docs: []string{"a", "b"}, Note: &note, Given: 2.50}
	for _, tc := range []struct{ name, got, want string }{
		{"number", braces("1 + {number} = ", 2), "1 + 2 = "},
		{"twice", braces("{a}{a}", "x"), "xx"},
		{"braces", braces("{{{a}}} }}{{", "x"), "{x} }{"},
		{"json", braces(`{{"a": {{"b": "{x}"}}}}`, "v"), `{"a": {"b": "v"}}`},
		{"chinese", braces("{花}适合什么场合？", "玫瑰"), "玫瑰适合什么场合？"},
		{"no variables", braces("hello", struct{}{}), "hello"},
		{"names of fields", braces("{name} {number} {id} {urlPath}", order), "Anna 7 o1 /o/1"},
		{"list with separator", braces("{docs}", order), "a / b"},
		{"pointer to struct", braces("{name}", &order), "Anna"},
		{"pointer in struct", braces("{note}", order), "short"},
		{"any in struct", braces("{given}", order), "2.5"},
		{"map of strings", braces("{a} {b}", map[string]string{"a": "1", "b": "2"}), "1 2"},
		{"map of anything", braces("{a} {b}", map[string]any{"a": 1, "b": []string{"x", "y"}}), "1 x\ny"},
		{"named map", braces("{a}", headers{"a": "1"}), "1"},
		{"named key and value", braces("{a}", map[key]key{"a": "1"}), "1"},
		{"named key", braces("{a}", map[key]any{"a": 1}), "1"},
		{"a value that looks like a template", braces("{a}", "{b} {{x}} {a} {{.}}"), "{b} {{x}} {a} {{.}}"},
		{"a bound value that looks like one", braces("{a}{b}", "-", prompt.Bind("b", "{a}{{.}}")), "-{a}{{.}}"},
		{"invalid UTF-8", braces("\xff{a}\xfe", "\xc3\x28"), "\xff\xc3\x28\xfe"},
		{"NUL and BOM", braces("\ufeff\x00{a}", "\x00"), "\ufeff\x00\x00"},
		{"trailing blanks", braces("  {a} \n ", "x"), "  x \n "},
		{"bound", braces("{a}{b}{c}{d}", "1", prompt.Bind("b", 2), prompt.Bind("c", []string{"x", "y"}), prompt.Bind("d", func() string { return "!" })), "12x\ny!"},
		{"bound in place of a field", braces("{name}", order, prompt.Bind("name", "Ben")), "Ben"},
		{"embedded", braces("{x}-{x}", "v", prompt.Embed("x", "<{y}>"), prompt.Embed("y", "{a}{b}"), prompt.Bind("b", "!")), "<v!>-<v!>"},
		{"nothing in an embedded text", braces("a{x}{v}", "v", prompt.Embed("x", "")), "av"},

		{"go number", goText("1 + {{.}} = ", 2), "1 + 2 = "},
		{"go struct", goText("{{.Name}} {{.Number}} {{.Docs}} {{.Note}} {{.Given}}", order), "Anna 7 a / b short 2.5"},
		{"go pointer", goText("{{.Name}}{{.Shout}}", &Shouter{"Anna"}), "AnnaANNA"},
		{"go flow", goText(`{{range $i, $d := .Docs}}{{if $i}}, {{end}}{{$d}}{{else}}none{{end}}{{with .Note}} {{.}}{{end}}`, order), "a, b short"},
		{"go map", goText("{{.a}} {{.b}}", map[string]any{"a": 1, "b": 1e6}), "1 1000000"},
		{"go map of strings", goText("{{.a}}", map[string]string{"a": "x"}), "x"},
		{"go named map", goText("{{.a}}", headers{"a": "1"}), "1"},
		{"go value that looks like a template", goText("{{.}}", "{{.}} {a}"), "{{.}} {a}"},
		{"go invalid UTF-8", goText("\xff{{.}}\xfe", "\xc3\x28"), "\xff\xc3\x28\xfe"},
		{"go bound", goText("{{.}}{{b}}{{c}}{{if d}}d{{end}}", "1", prompt.Bind("b", 2), prompt.Bind("c", func() string { return "!" }), prompt.Bind("d", true)), "12!d"},
		{"go embedded", goText(`{{template "x" .}}{{template "x" .}}`, "v", prompt.Embed("x", `<{{template "y" .}}>`), prompt.Embed("y", "{{.}}")), "<v><v>"},
		{"go defined", goText(`{{define "x"}}<{{.}}>{{end}}{{template "x" .Name}}{{block "y" .Number}}{{.}}{{end}}`, order), "<Anna>7"},
		{"go trim", goText("a  {{- /* c */ -}}  {{.}}", "b"), "ab"},
		{"go functions", goText(`{{printf "%q" .Name}} {{len .Docs}} {{index .Docs 1}} {{slice .Name 1 2}}`, order), `"Anna" 2 b n`},
		{"go a whole map in a function", goText(`{{index . "a"}}`, map[string]string{"a": "x", "b": "y"}), "x"},
		{"go methods of a value", goText(`{{.Format "2006-01-02"}}`, time.Unix(0, 0).UTC()), "1970-01-01"},
		{"go assigned variable", goText(`{{$x := "a"}}{{if .Number}}{{$x = .Name}}{{end}}{{$x}}`, order), "Anna"},
		{"go embedded struct", goText(`{{.Customer.Name}}`, order), "Anna"},
		{"go elements of a map and of a pointer", goText("{{range .M}}{{.}}{{end}}{{range .P}}{{.Text}}{{end}}", struct {
			M map[string]int
			P *[]llm.Document
		}{map[string]int{"a": 1, "b": 2}, &[]llm.Document{{Text: "d"}}}), "12d"},
		{"go range over anything", goText("{{range .}}{{.}}{{end}}{{range $.given}}{{.}}{{end}}", map[string]any{"given": []string{"a"}}), "aa"},
		{"go range into a variable that is there", goText(`{{$d := .}}{{$n := 9}}{{range $d = .}}{{$d.Text}}{{$n}} {{end}}{{$d.Text}}`, []llm.Document{{Text: "a"}, {Text: "b"}}), "a9 b9 b"},
		{"go range over a number", goText("{{range .Number}}{{.}}{{end}}", order), "0123456"},
		{"go method of an interface", goText("{{.String}}{{.S.String}}", struct{ S fmt.Stringer }{level(1)}), "prompt \"{{.String}}{{.S.String}}\": unknown variable .String at 1:3; struct { S fmt.Stringer } has .S"},
		{"go function that is a field", goText(`{{if .Done}}x{{else}}y{{end}}`, order), "y"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.got != tc.want {
				t.Errorf("got  %q\nwant %q", tc.got, tc.want)
			}
		})
	}
}

type (
	headers map[string]string
	key     string
	Shouter struct{ Name string }
)

func (s *Shouter) Shout() string { return strings.ToUpper(s.Name) }

type level int

func (l level) String() string { return [...]string{"low", "high"}[l] }

// TestValues: both forms write values alike.
func TestValues(t *testing.T) {
	level1, text := level(1), "t"
	for _, tc := range []struct {
		value any
		want  string
	}{
		{"", ""},
		{"a", "a"},
		{&text, "t"},
		{[]byte("a\xff"), "a\xff"},
		{true, "true"},
		{int8(-8), "-8"},
		{uint64(1 << 63), "9223372036854775808"},
		{1000000.0, "1000000"},
		{1e21, "1e+21"},
		{1e-7, "1e-07"},
		{float32(0.1), "0.1"},
		{level1, "high"},
		{&level1, "high"},
		{90 * time.Second, "1m30s"},
		{big.NewInt(12), "12"},
		{errors.New("no roses"), "no roses"},
		{llm.SourceHistory, "history"},
		{[]string{}, ""},
		{[]string{"a", "b"}, "a\nb"},
		{[2]int{1, 2}, "1\n2"},
		{[]any{1, "b"}, "1\nb"},
		{[]level{0, 1}, "low\nhigh"},
		{[]*string{&text}, "t"},
		{llm.Part{Text: "p"}, "p"},
		{[]llm.Part{{Text: "p"}, {Text: "q"}}, "pq"},
		{llm.Document{ID: "1", Text: "d"}, "d"},
		{[]*llm.Document{{Text: "d"}, {Text: "e"}}, "d\ne"},
		{[]llm.Document{{Text: "d"}, {Text: "e"}}, "d\n\ne"},
		{llm.User("u"), "Human: u"},
		{[]llm.Message{llm.System("s"), llm.User("u"), llm.Assistant("a"), {Role: llm.RoleTool, Parts: []llm.Part{{Text: "t"}}}}, "System: s\nHuman: u\nAI: a\nTool: t"},
		{prompt.List[int]{Template: prompt.Must(prompt.New[int]("<{n}>")), Items: []int{1, 2}}, "<1>\n\n<2>"},

		{nil, "variable v is nil; give it a value"},
		{(*string)(nil), "variable v is nil; give it a value"},
		{(*level)(nil), "variable v is nil; give it a value"},
		{(*prompt.List[int])(nil), "variable v is nil; give it a value"},
		{[]*string{&text, nil}, "variable v [1] is nil; give it a value"},
		{&map[string]int{}, "variable v is a map[string]int, which has no text form; give it a method String() string, or write it to a string first"},
		{map[string]int{}, "variable v is a map[string]int, which has no text form; give it a method String() string, or write it to a string first"},
	} {
		t.Run(fmt.Sprintf("%T", tc.value), func(t *testing.T) {
			want := "-" + tc.want
			if strings.HasPrefix(tc.want, "variable") {
				want = `prompt "p": ` + tc.want
			}
			vars := map[string]any{"v": tc.value}
			if got := braces("-{v}", vars, prompt.Named("p")); got != want {
				t.Errorf("got  %q\nwant %q", got, want)
			}
			want = strings.Replace(want, "variable v", "variable .v at 1:4", 1)
			if got := goText("-{{.v}}", vars, prompt.Named("p")); got != want {
				t.Errorf("text/template:\ngot  %q\nwant %q", got, want)
			}
		})
	}
}

// TestSources: what is known of where a part comes from.
func TestSources(t *testing.T) {
	type vars struct {
		In     string
		Docs   []llm.Document
		Found  []string `prompt:"found,source=retrieved"`
		Log    []llm.Message
		Parts  []llm.Part
		Sum    string               `prompt:",source=summary"`
		Nested struct{ A []string } `prompt:"-"`
	}
	v := vars{In: "in", Docs: []llm.Document{{Text: "d"}}, Found: []string{"f", "g"}, Log: []llm.Message{llm.User("u")},
		Parts: []llm.Part{{Text: "a"}, {Text: "b", Source: llm.SourceTools}}, Sum: "s"}
	v.Nested.A = []string{"n"}
	for _, tc := range []struct {
		name  string
		text  string
		isGo  bool
		parts string
	}{
		{"literal and input", "x{in}y", false, "template:x input:in template:y"},
		{"documents", "{docs}", false, "retrieved:d"},
		{"tag, separator", "{found}", false, "retrieved:f template:\n retrieved:g"},
		{"messages", "{log}", false, "history:Human:  history:u"},
		{"parts keep theirs", "{parts}", false, "input:a tools:b"},
		{"tag without name", "{sum}", false, "summary:s"},
		{"bound", "{b}", false, "template:bound"},
		{"bound parts keep theirs", "{p}", false, "template:c summary:e"},

		{"go literal and input", "x{{.In}}y", true, "template:x input:in template:y"},
		{"go constant", `{{"x"}}{{1}}{{printf "%d" 2}}`, true, "template:x template:1 template:2"},
		{"go documents", "{{.Docs}}", true, "retrieved:d"},
		{"go range of documents", "{{range .Docs}}{{.Text}}{{end}}", true, "retrieved:d"},
		{"go range with variables", "{{range $i, $d := .Docs}}{{$i}}{{$d.Text}}{{end}}", true, "retrieved:0 retrieved:d"},
		{"go tag", "{{range .Found}}{{.}}{{end}}", true, "retrieved:f retrieved:g"},
		{"go function of one", `{{printf "%s!" .Sum}}`, true, "summary:s!"},
		{"go function of two", `{{printf "%s%s" .Sum .In}}`, true, "input:sin"},
		{"go pipeline", `{{index .Found 0 | printf "%q" | len}}`, true, "retrieved:3"},
		{"go parentheses", `{{(index .Docs 0).Text}}`, true, "retrieved:d"},
		{"go with", `{{with .Sum}}{{.}}{{$.In}}{{end}}`, true, "summary:s input:in"},
		{"go variable", `{{$x := .Sum}}{{$x}}`, true, "summary:s"},
		{"go inner variable", `{{$x := .In}}{{if true}}{{$x := .Sum}}{{$x}}{{end}}{{$x}}`, true, "summary:s input:in"},
		{"go variable of two", `{{$x := .Sum}}{{if .In}}{{$x = .In}}{{end}}{{$x}}`, true, "input:in"},
		{"go literal or variable", `{{$x := "l"}}{{if .In}}{{$x = .Sum}}{{end}}{{$x}}`, true, "summary:s"},
		{"go called", `{{define "t"}}[{{.}}]{{end}}{{template "t" .Sum}}`, true, "template:[ summary:s template:]"},
		{"go called for two", `{{define "t"}}{{.}}{{end}}{{template "t" .Sum}}{{template "t" .In}}`, true, "input:s input:in"},
		{"go called with all", `{{define "t"}}{{.Sum}}{{$.In}}{{end}}{{template "t" .}}`, true, "summary:s input:in"},
		{"go bound", "{{b}}", true, "template:bound"},
		{"go bound parts", "{{p}}", true, "template:c summary:e"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			make := prompt.New[vars]
			if tc.isGo {
				make = prompt.NewGo[vars]
			}
			var defs []prompt.Def
			if strings.Contains(tc.text, "{b}") {
				defs = append(defs, prompt.Bind("b", "bound"))
			} else if strings.Contains(tc.text, "{p}") {
				defs = append(defs, prompt.Bind("p", []llm.Part{{Text: "c"}, {Text: "e", Source: llm.SourceSummary}}))
			}
			p, err := make(tc.text, defs...)
			if err != nil {
				t.Fatal(err)
			}
			messages, err := p.Messages(v)
			if err != nil || len(messages) != 1 || messages[0].Role != llm.RoleUser {
				t.Fatalf("messages %+v, %v", messages, err)
			}
			if got := sources(messages[0].Parts); got != tc.parts {
				t.Errorf("got  %q\nwant %q", got, tc.parts)
			}
		})
	}
}

// TestSourceOfEmbedded: the fields of a document are retrieved, wherever they
// are embedded.
func TestSourceOfEmbedded(t *testing.T) {
	type hit struct {
		*llm.Document
		Rank int
	}
	p := prompt.Must(prompt.New[hit]("{rank}. {text}"))
	parts, err := p.Parts(hit{&llm.Document{Text: "d"}, 1})
	if want := "input:1 template:.  retrieved:d"; err != nil || sources(parts) != want {
		t.Errorf("got %q, %v, want %q", sources(parts), err, want)
	}
}

// sources writes parts as source:text, with blanks between.
func sources(parts []llm.Part) string {
	var all []string
	for _, p := range parts {
		text := p.Text
		if p.Media != nil {
			text = p.Media.Address()
		}
		all = append(all, p.Source.String()+":"+text)
	}
	return strings.Join(all, " ")
}

func TestMedia(t *testing.T) {
	rose := &llm.Media{Kind: "image", URL: "https://example.com/rose.png"}
	for _, isGo := range []bool{false, true} {
		p, err := prompt.New[Order]("What is it? {picture}")
		if isGo {
			p, err = prompt.NewGo[Order]("What is it? {{.Picture}}")
		}
		if err != nil {
			t.Fatal(err)
		}
		parts, err := p.Parts(Order{Picture: rose})
		if want := "template:What is it?  input:https://example.com/rose.png"; err != nil || sources(parts) != want {
			t.Errorf("parts %q, %v", sources(parts), err)
		}
		_, err = p.Format(Order{Picture: rose})
		if err == nil || !strings.Contains(err.Error(), "holds media, which no text can; use Parts or Messages") {
			t.Errorf("as text: %v", err)
		}
		if _, err = p.Parts(Order{}); err == nil || !strings.Contains(err.Error(), "is nil") {
			t.Errorf("without picture: %v", err)
		}
	}
	for _, isGo := range []bool{false, true} {
		p, err := prompt.New[string]("{question} {p}", prompt.Bind("p", rose))
		if isGo {
			p, err = prompt.NewGo[string]("{{.}} {{p}}", prompt.Bind("p", []llm.Part{{Media: rose}}))
		}
		if err != nil {
			t.Fatal(err)
		}
		if parts, err := p.Parts("Which?"); err != nil || sources(parts) != "input:Which? template:  template:"+rose.URL {
			t.Errorf("a bound picture: %q, %v", sources(parts), err)
		}
		if _, err = p.Format("Which?"); err == nil || !strings.Contains(err.Error(), "holds media") {
			t.Errorf("a bound picture as text: %v", err)
		}
	}
	said := llm.Message{Role: llm.RoleUser, Parts: []llm.Part{{Text: "This: "}, {Media: rose}}}
	log := prompt.Must(prompt.New[[]llm.Message]("{log}"))
	if parts, err := log.Parts([]llm.Message{said}); err != nil || sources(parts) != "history:Human:  history:This:  history:"+rose.URL {
		t.Errorf("a transcript with a picture: %q, %v", sources(parts), err)
	}
	if _, err := log.Format([]llm.Message{said}); err == nil || !strings.Contains(err.Error(), "variable log [0] holds media") {
		t.Errorf("a transcript with a picture as text: %v", err)
	}
	alone := prompt.Must(prompt.New[*llm.Media]("{picture}"))
	if parts, err := alone.Parts(rose); err != nil || sources(parts) != "input:"+rose.URL {
		t.Errorf("a picture alone: %v, %v", parts, err)
	}
}

func TestVariables(t *testing.T) {
	for _, tc := range []struct {
		name string
		t    interface{ Variables() []string }
		want []string
	}{
		{"in order of appearance", prompt.Must(prompt.New[Order]("{number}{name}{number}")), []string{"number", "name"}},
		{"one", prompt.Must(prompt.New[int]("{n}")), []string{"n"}},
		{"none", prompt.Must(prompt.New[Order]("x")), nil},
		{"of embedded texts", prompt.Must(prompt.New[Order]("{x}", prompt.Embed("x", "{id}"))), []string{"id"}},
		{"go", prompt.Must(prompt.NewGo[Order]("{{.Number}}{{range .Docs}}{{$.Name}}{{end}}")), []string{"number", "docs", "name"}},
		{"go one", prompt.Must(prompt.NewGo[int]("{{.}}{{.}}")), []string{"."}},
		{"go map", prompt.Must(prompt.NewGo[headers]("{{.a}}{{if .b}}{{end}}")), []string{"a", "b"}},
		{"go all", prompt.Must(prompt.NewGo[Bouquet](`{{printf "%v" .}}`)), []string{"occasion", "kinds", "count"}},
		{"chat", prompt.Must(prompt.NewChat[Order](prompt.Placeholder("history"), prompt.User("{id}"), prompt.User("{id}"))), []string{"history", "id"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := tc.t.Variables()
			if !slices.Equal(got, tc.want) {
				t.Errorf("got %q, want %q", got, tc.want)
			}
			if len(got) > 0 {
				got[0] = "changed"
				if slices.Equal(tc.t.Variables(), got) {
					t.Error("the list is shared")
				}
			}
		})
	}
}

func TestWith(t *testing.T) {
	p := prompt.Must(prompt.New[Bouquet]("{occasion} {count}", prompt.Named("a"), prompt.Bind("count", 3)))
	q, err := p.With(prompt.Named("b"), prompt.Bind("occasion", "wedding"))
	if err != nil {
		t.Fatal(err)
	}
	if text, err := q.Format(Bouquet{}); text != "wedding 3" || err != nil || q.Name() != "b" {
		t.Errorf("%s: %q, %v", q.Name(), text, err)
	}
	if text, err := p.Format(Bouquet{Occasion: "birthday"}); text != "birthday 3" || err != nil || p.Name() != "a" {
		t.Errorf("the first changed, %s: %q, %v", p.Name(), text, err)
	}
	if _, err := q.With(prompt.Bind("count", 4)); fmt.Sprint(err) != `prompt "b": count is bound or embedded twice` {
		t.Error(err)
	}
	if _, err := p.With(prompt.Bind("coutn", 4)); fmt.Sprint(err) != `prompt "a": unknown variable coutn: it is bound, but the template has none of that name` {
		t.Error(err)
	}
	m := prompt.Must(prompt.New[headers]("{a}{b}"))
	m = prompt.Must(m.With(prompt.Bind("a", 1)))
	if _, err := m.Format(headers{"a": "2", "b": "3"}); fmt.Sprint(err) != `prompt "{a}{b}": unknown variable a; the template has: b` {
		t.Error(err)
	}
}

// TestConcurrentSafe shares templates among goroutines.
func TestConcurrentSafe(t *testing.T) {
	texts := []*prompt.Text[Bouquet]{
		prompt.Must(prompt.New[Bouquet]("{occasion} {count}")),
		prompt.Must(prompt.NewGo[Bouquet]("{{.Occasion}} {{.Count}}")),
	}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			want := fmt.Sprintf("birthday %d", i)
			for range 50 {
				for _, p := range texts {
					if got, err := p.Format(Bouquet{"birthday", nil, i}); got != want || err != nil {
						t.Errorf("got %q, %v", got, err)
					}
					if got, err := p.Messages(Bouquet{"birthday", nil, i}); err != nil || got[0].Text() != want {
						t.Errorf("got %v, %v", got, err)
					}
				}
			}
		})
	}
	wg.Wait()
}

// TestAllocations holds what the package promises of simple templates.
func TestAllocations(t *testing.T) {
	if info, ok := debug.ReadBuildInfo(); ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		t.Skip("sync.Pool forgets at random under the race detector")
	}
	p := prompt.Must(prompt.New[Bouquet]("A bouquet of {count} flowers for a {occasion}."))
	v := Bouquet{"birthday", nil, 3}
	if n := testing.AllocsPerRun(100, func() { p.Format(v) }); n > 2 {
		t.Errorf("Format: %v allocations", n)
	}
}

func BenchmarkFormat(b *testing.B) {
	v := Bouquet{"birthday", []string{"roses"}, 3}
	for _, bm := range []struct {
		name string
		p    *prompt.Text[Bouquet]
	}{
		{"braces", prompt.Must(prompt.New[Bouquet]("Which {count} {kinds} suit a {occasion}? Answer in at most 50 characters."))},
		{"go", prompt.Must(prompt.NewGo[Bouquet]("Which {{.Count}} {{.Kinds}} suit a {{.Occasion}}? Answer in at most 50 characters."))},
	} {
		b.Run(bm.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				bm.p.Format(v)
			}
		})
		b.Run(bm.name+" parts", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				bm.p.Parts(v)
			}
		})
	}
	b.Run("chat", func(b *testing.B) {
		p := prompt.Must(prompt.NewChat[Turn](prompt.System("You sell flowers. Be {persona}."), prompt.Placeholder("history"), prompt.User("{input}")))
		turn := Turn{Persona: "kind", Input: "Roses?", History: []llm.Message{llm.User("a").From(llm.SourceHistory), llm.Assistant("b").From(llm.SourceHistory)}}
		b.ReportAllocs()
		for b.Loop() {
			p.Messages(turn)
		}
	})
}
