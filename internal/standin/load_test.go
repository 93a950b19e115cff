package standin

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/callspan/callspan/llm"
)

func TestParseScenarios(t *testing.T) {
	got, err := ParseScenarios([]byte(`-- one --
{"about": "x", "responses": [null, [
  {"wait": "50ms", "status": 429, "header": {"Retry-After": "1"}, "raw": {"a": 1}},
  {"skip": "role", "play": "content", "n": 3, "frame": "[DONE]", "bytes": "AP8=", "times": -1, "end": "reset"}]]}
`))
	want := []Scenario{{Name: "one", About: "x", Responses: []Script{nil, {
		{Wait: 50 * time.Millisecond, Status: 429, Header: map[string]string{"Retry-After": "1"}, Raw: `{"a":1}`},
		{Skip: PartRole, Play: PartContent, N: 3, Frame: "[DONE]", Bytes: []byte{0, 255}, Times: -1, End: EndReset},
	}}}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestParseScenariosErrors(t *testing.T) {
	for _, tc := range []struct{ name, step, want string }{
		{"unknown field", `{"fram": "x"}`, `unknown field "fram"`},
		{"unknown part", `{"play": "tokens"}`, `no such part: "tokens"`},
		{"unknown end", `{"end": "bang"}`, `no such end: "bang"`},
		{"wait without unit", `{"wait": "5"}`, `missing unit`},
		{"no JSON", `{"wait": `, `parse scenario one: `},
	} {
		_, err := ParseScenarios([]byte("-- one --\n{\"responses\": [[" + tc.step + "]]}\n"))
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v", tc.name, err)
		}
	}
}

func TestParseExpectation(t *testing.T) {
	all, err := ParseScenarios([]byte(`-- one --
{"expect": {"stream": [{"times": 2, "late": "50ms", "retry": "1s", "vectors": 3, "warns": ["S05"], "usage": "reported",
  "answer": {"serviceTier": "flex", "cost": "0.1", "usage": {"input": 2, "cacheRead": 1}, "choices": [{"text": "a", "finish": "stop", "toolCalls": [{"id": "c", "name": "f", "arguments": "{}"}]}]}}]}}
`))
	if err != nil {
		t.Fatal(err)
	}
	got, err := all[0].Expectations(true)
	want := []Expectation{{Text: "aa", Finish: "stop", Usage: "reported", Late: 50 * time.Millisecond, Retry: time.Second, Vectors: 3, Warns: []string{"S05"},
		Answer: &llm.Response{Meta: llm.Meta{ServiceTier: "flex", Cost: "0.1"}, Usage: &llm.Usage{Input: 2, CacheRead: 1},
			Choices: []llm.Choice{{Text: "aa", Finish: "stop", ToolCalls: []llm.ToolCall{{ID: "c", Name: "f", Arguments: "{}"}}}}}}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, bad := range []string{`{"stream": [{"tekst": "a"}]}`, `{"streams": []}`, `{"plain": [{"late": "5"}]}`, `{"plain": [{"answer": {"choises": []}}]}`} {
		if _, err := ParseScenarios([]byte("-- one --\n{\"expect\": " + bad + "}\n")); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}

func TestNamed(t *testing.T) {
	if s, err := Named("reset"); err != nil || s.Name != "reset" {
		t.Errorf("got %v, %v", s, err)
	}
	if _, err := Named("flood"); err == nil || err.Error() != `find scenario: no "flood"` {
		t.Errorf("got %v", err)
	}
}

func TestTake(t *testing.T) {
	script := Script{{part: PartHead}, {part: PartRole}, {part: PartContent}, {part: PartContent}, {part: PartFinish}, {part: PartDone}}
	for _, tc := range []struct {
		name string
		part Part
		n    int
		want int
	}{
		{"all", PartAll, 0, 6},
		{"one", PartRole, 0, 2},
		{"first of two", PartContent, 1, 3},
		{"last of two", PartContent, 0, 4},
		{"more than there are", PartContent, 9, 4},
		{"none", PartUsage, 0, 0},
	} {
		taken, left := take(script, tc.part, tc.n)
		if len(taken) != tc.want || len(left) != len(script)-tc.want {
			t.Errorf("%s: got %d and %d", tc.name, len(taken), len(left))
		}
	}
}
