package standin

import (
	"cmp"
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/callspan/callspan/llm"
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

	Answer  *llm.Response // all that arrives, where it is more than a text and its finish
	Late    time.Duration // before which there is no content
	Vectors int           // that arrive
	Warns   []string      // checks of semconv_check.py that warn of a span of it
}

// First returns the first chunk of the text.
func (e *Expectation) First() string {
	if e.Grows || strings.Trim(e.Text, "a") == "" {
		return e.Text[:min(len(e.Text), 1)]
	}
	first, _, _ := strings.Cut(e.Text, " ")
	return first
}

// Expectations returns what is expected of the scenario: one for each of its
// calls in turn, streamed or in one piece. It is said in the scenario's own
// entry, else in expect.txtar. There are none if the scenario does not fit.
func (s Scenario) Expectations(stream bool) ([]Expectation, error) {
	both := s.expected
	if both == nil {
		all, err := parseExpectations(expected)
		if err != nil {
			return nil, err
		}
		if both = all[s.Name]; both == nil {
			return nil, fmt.Errorf("find expectations: none of %q", s.Name)
		}
	}
	if stream {
		return both.stream, nil
	}
	return both.plain, nil
}

type expectations struct{ stream, plain []Expectation }

// UnmarshalJSON reads both.
func (x *expectations) UnmarshalJSON(data []byte) error {
	var in struct {
		Stream []Expectation `json:"stream"`
		Plain  []Expectation `json:"plain"`
	}
	err := strict(data, &in)
	x.stream, x.plain = in.Stream, in.Plain
	return err
}

// UnmarshalJSON reads an expectation: the fields in lower case, durations such
// as "1s"; times repeats the text. Of an answer that is told as a whole, text
// and finish are those of its first choice.
func (e *Expectation) UnmarshalJSON(data []byte) error {
	type fields Expectation
	in := struct {
		*fields
		Times int    `json:"times"`
		Retry string `json:"retry"`
		Late  string `json:"late"`
	}{fields: (*fields)(e)}
	if err := strict(data, &in); err != nil {
		return err
	}
	e.Text = strings.Repeat(e.Text, max(in.Times, 1))
	if a := e.Answer; a != nil && len(a.Choices) > 0 {
		a.Choices[0].Text = strings.Repeat(a.Choices[0].Text, max(in.Times, 1))
		e.Text, e.Finish = a.Text(), cmp.Or(e.Finish, a.Choices[0].Finish)
	}
	var err error
	if in.Retry != "" {
		e.Retry, err = time.ParseDuration(in.Retry)
	}
	if in.Late != "" && err == nil {
		e.Late, err = time.ParseDuration(in.Late)
	}
	return err
}

// parseExpectations reads a txtar archive with one scenario per file, in JSON:
//
//	-- reset --
//	{"stream": [{"text": "one", "finish": "error", "error": "connection_reset", "usage": "estimated"}], "plain": []}
func parseExpectations(archive []byte) (map[string]*expectations, error) {
	all := map[string]*expectations{}
	for _, f := range txtar.Parse(archive).Files {
		x := new(expectations)
		if err := json.Unmarshal(f.Data, x); err != nil {
			return nil, fmt.Errorf("parse expectations of %s: %w", f.Name, err)
		}
		all[f.Name] = x
	}
	return all, nil
}
