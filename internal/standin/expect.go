package standin

import (
	_ "embed"
	"fmt"
	"strings"
	"time"

	"golang.org/x/tools/txtar"
)

// ScenarioAnswer is the answer over which the expectations are written. Cut
// into words, it is six chunks.
const ScenarioAnswer = "one two three four five six"

//go:embed expect.txtar
var expected []byte

// An Expectation is how one call has to end that meets a scenario.
type Expectation struct {
	Text    string // what arrives
	Grows   bool   // and arrives again, for ever
	Finish  string // the span's finish reason, "" for none
	Error   string // the span's error.type, "" for success
	Message string // what the error says, among other things
	Retry   time.Duration
	Usage   string // "reported", "estimated", "" for none
	Waits   bool   // it does not end unless the consumer ends it
}

// First returns the first chunk of the text.
func (e *Expectation) First() string {
	if e.Grows || strings.Trim(e.Text, "a") == "" {
		return e.Text[:min(len(e.Text), 1)]
	}
	first, _, _ := strings.Cut(e.Text, " ")
	return first
}

// Expectations returns what expect.txtar says of the scenario: one for each of
// its calls in turn, streamed or in one piece. There are none if the scenario
// does not fit.
func (s Scenario) Expectations(stream bool) ([]Expectation, error) {
	all, err := parseExpectations(expected)
	if err != nil {
		return nil, err
	}
	both, ok := all[s.Name]
	if !ok {
		return nil, fmt.Errorf("find expectations: none of %q", s.Name)
	}
	if stream {
		return both.stream, nil
	}
	return both.plain, nil
}

type expectations struct{ stream, plain []Expectation }

// parseExpectations reads a txtar archive with one scenario per file, in JSON:
//
//	-- reset --
//	{"stream": [{"text": "one", "finish": "error", "error": "connection_reset", "usage": "estimated"}], "plain": []}
//
// Fields are those of [Expectation] in lower case; times repeats the text.
func parseExpectations(archive []byte) (map[string]expectations, error) {
	type entry struct {
		Text    string `json:"text"`
		Times   int    `json:"times"`
		Grows   bool   `json:"grows"`
		Finish  string `json:"finish"`
		Error   string `json:"error"`
		Message string `json:"message"`
		Retry   string `json:"retry"`
		Usage   string `json:"usage"`
		Waits   bool   `json:"waits"`
	}
	read := func(in []entry) (out []Expectation, err error) {
		for _, e := range in {
			x := Expectation{Text: strings.Repeat(e.Text, max(e.Times, 1)), Grows: e.Grows, Finish: e.Finish,
				Error: e.Error, Message: e.Message, Usage: e.Usage, Waits: e.Waits}
			if e.Retry != "" {
				if x.Retry, err = time.ParseDuration(e.Retry); err != nil {
					return nil, err
				}
			}
			out = append(out, x)
		}
		return out, nil
	}
	all := map[string]expectations{}
	for _, f := range txtar.Parse(archive).Files {
		var in struct {
			Stream []entry `json:"stream"`
			Plain  []entry `json:"plain"`
		}
		err := strict(f.Data, &in)
		var x expectations
		if err == nil {
			x.stream, err = read(in.Stream)
		}
		if err == nil {
			x.plain, err = read(in.Plain)
		}
		if err != nil {
			return nil, fmt.Errorf("parse expectations of %s: %w", f.Name, err)
		}
		all[f.Name] = x
	}
	return all, nil
}
