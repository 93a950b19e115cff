package openai_test

import (
	"context"
	"strings"
	"testing"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
	callopenai "github.com/callspan/callspan/llm/openai"
	"github.com/sashabaranov/go-openai"
)

// TestImagesSent: images in the input are told apart from its text, and priced.
func TestImagesSent(t *testing.T) {
	for _, tc := range []struct {
		name, usage string
		want        llm.Usage
		cost        string // "-" if it is not known
	}{
		{"of both kinds", `{"input_tokens":1000,"output_tokens":1056,"input_tokens_details":{"text_tokens":200,"image_tokens":800}}`,
			llm.Usage{Input: 1000, ImageInput: 800, Output: 1056, Images: 1}, "0.05124"},
		{"text alone", `{"input_tokens":200,"output_tokens":1056,"input_tokens_details":{"text_tokens":200}}`,
			llm.Usage{Input: 200, Output: 1056, Images: 1}, "0.04324"},
		{"without details", `{"input_tokens":200,"output_tokens":1056}`, llm.Usage{Input: 200, Output: 1056, Images: 1}, "0.04324"},
		{"more than there is", `{"input_tokens":100,"output_tokens":10,"input_tokens_details":{"image_tokens":800}}`,
			llm.Usage{Input: 100, ImageInput: 100, Output: 10, Images: 1}, "0.0014"},
		{"below nothing", `{"input_tokens":-1,"output_tokens":-1,"input_tokens_details":{"image_tokens":-5}}`, llm.Usage{Images: 1}, "-"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got *callback.Result
			h := ends(func(_ context.Context, _ *callback.Info, res *callback.Result) { got = res })
			c := wrapped(&canned{body: []byte(`{"data":[{"b64_json":"AA=="}],"usage":` + tc.usage + `}`)}, callopenai.WithHandlers(h), callopenai.WithProvider("openai"))
			if _, err := c.CreateEditImage(t.Context(), openai.ImageEditRequest{Model: "gpt-image-1", Prompt: "a rose", Image: strings.NewReader("PNG")}); err != nil {
				t.Fatal(err)
			}
			cost := "-"
			if got.Priced {
				cost = got.Cost.String()
			}
			if got.Usage == nil || *got.Usage != tc.want || cost != tc.cost {
				t.Errorf("got %+v for %s, want %+v for %s", got.Usage, cost, tc.want, tc.cost)
			}
		})
	}
}
