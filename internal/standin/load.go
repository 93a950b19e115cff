package standin

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"golang.org/x/tools/txtar"
)

//go:embed scenario.txtar
var builtin []byte

// Scenarios returns the scenarios of scenario.txtar: the ways in which a model
// API fails.
func Scenarios() []Scenario {
	all, err := ParseScenarios(builtin)
	if err != nil {
		panic(err) // the file is part of this package
	}
	return all
}

//go:embed completion.txtar
var completions []byte

// CompletionScenarios returns the same scenarios for text completions, whose
// frames have another form.
func CompletionScenarios() []Scenario {
	all := Scenarios()
	own, err := ParseScenarios(completions)
	if err != nil {
		panic(err) // the file is part of this package
	}
	for _, sc := range own {
		i := slices.IndexFunc(all, func(s Scenario) bool { return s.Name == sc.Name })
		if i < 0 {
			panic("standin: completion.txtar has a scenario that scenario.txtar has not: " + sc.Name)
		}
		all[i] = sc
	}
	return all
}

//go:embed dialect.txtar
var dialects []byte

// Dialects returns the scenarios of dialect.txtar: what else is said in answers
// to chats, and in which forms.
func Dialects() []Scenario { return of(dialects) }

//go:embed textdialect.txtar
var textDialects []byte

// CompletionDialects returns the like for text completions.
func CompletionDialects() []Scenario { return of(textDialects) }

//go:embed response.txtar
var responses []byte

// ResponseScenarios returns the failures and the forms of answers of the
// responses API.
func ResponseScenarios() []Scenario { return of(responses) }

//go:embed embedding.txtar
var embeddings []byte

// EmbeddingScenarios returns those of the embeddings API.
func EmbeddingScenarios() []Scenario { return of(embeddings) }

// of reads an archive of this package. A scenario without responses has those of
// its namesake among [Scenarios].
func of(archive []byte) []Scenario {
	all, err := ParseScenarios(archive)
	if err != nil {
		panic(err) // the file is part of this package
	}
	for i := range all {
		if len(all[i].Responses) > 0 {
			continue
		}
		same, err := Named(all[i].Name)
		if err != nil {
			panic(err)
		}
		all[i].Responses = same.Responses
		if all[i].About == "" {
			all[i].About = same.About
		}
	}
	return all
}

// Named returns the scenario of scenario.txtar with the given name.
func Named(name string) (Scenario, error) {
	all := Scenarios()
	i := slices.IndexFunc(all, func(s Scenario) bool { return s.Name == name })
	if i < 0 {
		return Scenario{}, fmt.Errorf("find scenario: no %q", name)
	}
	return all[i], nil
}

// ParseScenarios reads a txtar archive with one scenario per file, in JSON:
//
//	-- reset --
//	{"about": "...", "responses": [[{"play": "content", "n": 3}, {"end": "reset"}]]}
//
// The fields of a step are those of [Step] in lower case. Frame and raw may be
// any JSON value, a string standing for its characters; wait is a duration such
// as "50ms"; null for a response plays the ordinary answer. With "expect" an
// entry holds its expectations, in the form of expect.txtar.
func ParseScenarios(archive []byte) ([]Scenario, error) {
	var all []Scenario
	for _, f := range txtar.Parse(archive).Files {
		var in struct {
			About     string        `json:"about"`
			Responses []Script      `json:"responses"`
			Expect    *expectations `json:"expect"`
		}
		if err := strict(f.Data, &in); err != nil {
			return nil, fmt.Errorf("parse scenario %s: %w", f.Name, err)
		}
		all = append(all, Scenario{Name: f.Name, About: in.About, Responses: in.Responses, expected: in.Expect})
	}
	return all, nil
}

// UnmarshalJSON reads a step in the form of [ParseScenarios].
func (s *Step) UnmarshalJSON(data []byte) error {
	var in struct {
		Wait   string            `json:"wait"`
		Status int               `json:"status"`
		Header map[string]string `json:"header"`
		Skip   Part              `json:"skip"`
		Play   Part              `json:"play"`
		N      int               `json:"n"`
		Frame  text              `json:"frame"`
		Raw    text              `json:"raw"`
		Bytes  []byte            `json:"bytes"`
		Times  int               `json:"times"`
		End    End               `json:"end"`
	}
	if err := strict(data, &in); err != nil {
		return err
	}
	*s = Step{Status: in.Status, Header: in.Header, Skip: in.Skip, Play: in.Play, N: in.N,
		Frame: string(in.Frame), Raw: string(in.Raw), Bytes: in.Bytes, Times: in.Times, End: in.End}
	parts := []Part{"", PartHead, PartRole, PartContent, PartFinish, PartUsage, PartDone, PartBody, PartAll}
	for _, p := range []Part{in.Skip, in.Play} {
		if !slices.Contains(parts, p) {
			return fmt.Errorf("no such part: %q", p)
		}
	}
	if !slices.Contains([]End{"", EndStall, EndAbort, EndReset}, in.End) {
		return fmt.Errorf("no such end: %q", in.End)
	}
	if in.Wait != "" {
		var err error
		s.Wait, err = time.ParseDuration(in.Wait)
		return err
	}
	return nil
}

// A text is a JSON string, or another JSON value standing for its own text.
type text string

// UnmarshalJSON takes a string's characters and any other value compacted.
func (t *text) UnmarshalJSON(data []byte) error {
	if data[0] == '"' {
		return json.Unmarshal(data, (*string)(t))
	}
	var b bytes.Buffer
	err := json.Compact(&b, data)
	*t = text(b.String())
	return err
}

// strict decodes data into v and refuses fields that v does not have.
func strict(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	return d.Decode(v)
}
