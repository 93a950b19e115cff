package callback_test

import (
	"math"
	"testing"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
)

// splits is a model with a meter that knows where the prompt comes from.
type splits struct {
	says
	makeup llm.Makeup
}

func (s splits) Meter() llm.Meter                      { return s }
func (s splits) Split(*llm.Request) (llm.Makeup, bool) { return s.makeup, true }
func (s splits) Estimate(*llm.Request, *llm.Response) (llm.Usage, bool) {
	return llm.Usage{Input: s.makeup.Total(), Output: 1}, true
}

// TestMakeup: the sources add up to what is billed, be it more or less than what
// the meter counts.
func TestMakeup(t *testing.T) {
	const system, input, overhead = llm.SourceSystem, llm.SourceInput, llm.SourceOverhead
	counted := llm.Makeup{system: 30, input: 17, overhead: 8}
	for _, tc := range []struct {
		name    string
		counted llm.Makeup
		billed  int
		want    llm.Makeup
	}{
		{"as counted", counted, 55, counted},
		{"more is overhead", counted, 60, llm.Makeup{system: 30, input: 17, overhead: 13}},
		{"less is less overhead", counted, 50, llm.Makeup{system: 30, input: 17, overhead: 3}},
		{"no overhead is left", counted, 47, llm.Makeup{system: 30, input: 17}},
		{"in proportion", counted, 10, llm.Makeup{system: 6, input: 4}}, // 6.38 and 3.62
		{"one", counted, 1, llm.Makeup{system: 1}},
		{"equal parts", llm.Makeup{system: 5, input: 5, llm.SourceTools: 5}, 7, llm.Makeup{system: 3, llm.SourceTools: 2, input: 2}},
		{"nothing counted", llm.Makeup{}, 9, llm.Makeup{overhead: 9}},
		{"a faulty meter", llm.Makeup{system: -3, input: math.MaxInt, overhead: math.MinInt}, 9, llm.Makeup{input: 9}},
	} {
		rec := &recorder{}
		m := splits{says{texts: []string{"pink"}, usage: &llm.Usage{Input: tc.billed, Output: 1}}, tc.counted}
		if _, err := llm.Collect(callback.Model(m, rec).Chat(t.Context(), question)); err != nil {
			t.Fatal(err)
		}
		res, _ := rec.last(t)
		if res.Makeup != tc.want || res.Makeup.Total() != tc.billed || res.Total.Makeup != tc.want {
			t.Errorf("%s: make-up %v, in total %v, want %v", tc.name, res.Makeup, res.Total.Makeup, tc.want)
		}
	}
}
