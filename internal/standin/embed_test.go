package standin_test

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/callspan/callspan/internal/standin"
	"github.com/sashabaranov/go-openai"
)

func dot(a, b []float32) (sum float64) {
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}

// TestVector: vectors have length 1, are the same each time, and are nearer the
// more texts have in common.
func TestVector(t *testing.T) {
	for _, tc := range []struct{ text, near, far string }{
		{"How do I water roses?", "Roses want water every day.", "Tulips are planted in autumn."},
		{"how should I water my rose", "Watering roses", "Opening hours of the shop"},
		{"生日花束", "送给姐姐的生日花", "营业时间"},
		{"the price of pink roses", "Pink roses cost 3 dollars each", "We deliver on Sundays"},
	} {
		for _, dims := range []int{256, 1536, 3072} {
			v := standin.Vector(tc.text, dims)
			near, far := dot(v, standin.Vector(tc.near, dims)), dot(v, standin.Vector(tc.far, dims))
			if near < far+0.1 {
				t.Errorf("%q at %d dimensions: %.2f to %q, %.2f to %q", tc.text, dims, near, tc.near, far, tc.far)
			}
		}
	}
	for _, text := range []string{"rose", "", "?!", " ", "\xff", strings.Repeat("rose ", 1000)} {
		for _, dims := range []int{1, 7, 1536} {
			v := standin.Vector(text, dims)
			if len(v) != dims || math.Abs(dot(v, v)-1) > 1e-5 {
				t.Errorf("%.20q: %d dimensions, length %v", text, len(v), dot(v, v))
			}
			if dot(v, standin.Vector(text, dims)) < 0.99999 {
				t.Errorf("%.20q differs from itself", text)
			}
		}
	}
}

// TestEmbeddings: both encodings say the same, in the order of the inputs.
func TestEmbeddings(t *testing.T) {
	api := &standin.API{}
	s := start(t, api)
	for _, tc := range []struct {
		model openai.EmbeddingModel
		dims  int
		want  int
		says  string
	}{
		{openai.SmallEmbedding3, 0, 1536, "text-embedding-3-small"},
		{openai.SmallEmbedding3, 256, 256, "text-embedding-3-small"},
		{openai.LargeEmbedding3, 0, 3072, "text-embedding-3-large"},
		{openai.AdaEmbeddingV2, 0, 1536, "text-embedding-ada-002-v2"},
	} {
		for _, format := range []openai.EmbeddingEncodingFormat{"", openai.EmbeddingEncodingFormatFloat, openai.EmbeddingEncodingFormatBase64} {
			r, err := client(s, "any").CreateEmbeddings(t.Context(), openai.EmbeddingRequest{Model: tc.model, Dimensions: tc.dims,
				EncodingFormat: format, Input: []string{"two words", "one"}})
			if err != nil || len(r.Data) != 2 || string(r.Model) != tc.says {
				t.Fatalf("%s: %d vectors of %s, %v", tc.model, len(r.Data), r.Model, err)
			}
			for i, text := range []string{"two words", "one"} {
				want := standin.Vector(text, tc.want)
				if d := r.Data[i]; d.Index != i || fmt.Sprint(d.Embedding) != fmt.Sprint(want) {
					t.Errorf("%s in %q: vector %d differs", tc.model, format, i)
				}
			}
			if r.Usage.PromptTokens != 3 || r.Usage.TotalTokens != 3 {
				t.Errorf("usage %+v", r.Usage)
			}
		}
	}
	if got, want := api.Reported(), (standin.Usage{Prompt: 36}); got != want {
		t.Errorf("reported %+v, want %+v", got, want)
	}
	if got := api.Requests()[0]; got.Inputs[0] != "two words" || got.Dimensions != 0 || got.Base64 {
		t.Errorf("request %+v", got)
	}
}

func TestEmbeddingRefusals(t *testing.T) {
	s := start(t, &standin.API{})
	list := func(n int, text string) string {
		b, _ := json.Marshal(strings.Split(strings.Repeat(text+"|", n)[:n*(len(text)+1)-1], "|"))
		return string(b)
	}
	words := func(n int) string { return strings.TrimSpace(strings.Repeat("word ", n)) }
	for _, tc := range []struct{ name, fields, message string }{
		{"no inputs", `"input":[]`, "empty array"},
		{"no field", `"x":1`, "empty array"},
		{"empty text", `"input":["a",""]`, "Invalid 'input[1]': input cannot be an empty string."},
		{"too many", `"input":` + list(2049, "a"), "array too long"},
		{"too long", `"input":"` + words(8193) + `"`, "maximum context length is 8192 tokens, however you requested 8193 tokens"},
		{"too long together", `"input":` + list(40, words(8000)), "Requested 320000 tokens, max 300000 tokens per request"},
		{"too many dimensions", `"input":"a","dimensions":2000`, "Invalid value for 'dimensions' = 2000"},
		{"fewer than none", `"input":"a","dimensions":-1`, "Invalid value for 'dimensions' = -1"},
		{"numbers", `"input":[1,2]`, "could not parse"},
	} {
		if status, body := postTo(t, s, "/embeddings", `{"model":"text-embedding-3-small",`+tc.fields+`}`); status != 400 || !strings.Contains(body, tc.message) {
			t.Errorf("%s: %d, %s", tc.name, status, body)
		}
	}
	if status, body := postTo(t, s, "/embeddings", `{"model":"text-embedding-ada-002","input":"a","dimensions":5}`); status != 400 || !strings.Contains(body, "does not support specifying dimensions") {
		t.Errorf("dimensions of ada: %d, %s", status, body)
	}
}
