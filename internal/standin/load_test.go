package standin

import (
	"reflect"
	"strings"
	"testing"
	"time"
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
