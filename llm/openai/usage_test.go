package openai_test

import (
	"testing"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
)

// TestUsage: the usage objects of many providers, as recorded from them, in one
// sense: parts lie inside their totals, and cost is what the call cost its caller.
func TestUsage(t *testing.T) {
	for _, tc := range []struct {
		name, usage string
		want        llm.Usage
		cost        string
	}{
		{"OpenAI", `{"prompt_tokens":20,"completion_tokens":9,"total_tokens":29,"prompt_tokens_details":{"cached_tokens":4,"audio_tokens":1},"completion_tokens_details":{"reasoning_tokens":3,"audio_tokens":1,"accepted_prediction_tokens":2,"rejected_prediction_tokens":1}}`,
			llm.Usage{Input: 20, Output: 9, CacheRead: 4, Reasoning: 3, AudioInput: 1, AudioOutput: 1, AcceptedPrediction: 2, RejectedPrediction: 1}, ""},
		{"xAI counts reasoning beside the answer, cost in ticks", `{"prompt_tokens":468,"completion_tokens":82,"total_tokens":870,"prompt_tokens_details":{"cached_tokens":305},"completion_tokens_details":{"reasoning_tokens":320},"cost_in_usd_ticks":2488500}`,
			llm.Usage{Input: 468, Output: 402, CacheRead: 305, Reasoning: 320}, "0.00024885"},
		{"xAI with less reasoning than answer", `{"prompt_tokens":10,"completion_tokens":200,"total_tokens":310,"completion_tokens_details":{"reasoning_tokens":100}}`,
			llm.Usage{Input: 10, Output: 300, Reasoning: 100}, ""},
		{"Gemini bills thinking that it does not list", `{"prompt_tokens":35,"completion_tokens":12,"total_tokens":109}`, llm.Usage{Input: 35, Output: 74}, ""},
		{"cache beside the input", `{"prompt_tokens":10,"completion_tokens":5,"total_tokens":115,"cache_read_input_tokens":60,"cache_creation_input_tokens":40}`,
			llm.Usage{Input: 110, Output: 5, CacheRead: 60, CacheWrite: 40}, ""},
		{"cache and reasoning beside", `{"prompt_tokens":10,"completion_tokens":5,"total_tokens":35,"cache_read_input_tokens":12,"completion_tokens_details":{"reasoning_tokens":8}}`,
			llm.Usage{Input: 22, Output: 13, CacheRead: 12, Reasoning: 8}, ""},
		{"parts beyond their whole, without a total", `{"prompt_tokens":10,"completion_tokens":5,"cached_tokens":60,"completion_tokens_details":{"reasoning_tokens":8}}`,
			llm.Usage{Input: 70, Output: 13, CacheRead: 60, Reasoning: 8}, ""},
		{"more cached than asked, by a total that denies it", `{"prompt_tokens":347,"completion_tokens":18,"total_tokens":365,"prompt_tokens_details":{"cached_tokens":403},"cost_in_usd_ticks":0}`,
			llm.Usage{Input: 347, Output: 18, CacheRead: 347}, ""},
		{"all of the prompt in the cache, counted beside", `{"prompt_tokens":0,"completion_tokens":5,"cache_read_input_tokens":60}`, llm.Usage{Input: 60, Output: 5, CacheRead: 60}, ""},
		{"more sound than there is", `{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15,"prompt_tokens_details":{"audio_tokens":50},"completion_tokens_details":{"audio_tokens":99}}`,
			llm.Usage{Input: 10, Output: 5, AudioInput: 10, AudioOutput: 5}, ""},
		{"DeepSeek", `{"prompt_tokens":5,"completion_tokens":1,"total_tokens":6,"prompt_cache_hit_tokens":4,"prompt_cache_miss_tokens":1}`, llm.Usage{Input: 5, Output: 1, CacheRead: 4}, ""},
		{"Together", `{"prompt_tokens":5,"completion_tokens":1,"total_tokens":6,"cached_tokens":4}`, llm.Usage{Input: 5, Output: 1, CacheRead: 4}, ""},
		{"OpenRouter", `{"prompt_tokens":74,"completion_tokens":21,"total_tokens":95,"cost":5.37e-06,"is_byok":false,"prompt_tokens_details":{"cache_write_tokens":7},"cost_details":{"upstream_inference_cost":5.37e-06}}`,
			llm.Usage{Input: 74, Output: 21, CacheWrite: 7}, "5.37e-06"},
		{"OpenRouter with one's own key", `{"prompt_tokens":14,"completion_tokens":164,"total_tokens":178,"cost":0.0001,"is_byok":true,"cost_details":{"upstream_inference_cost":0.00417}}`,
			llm.Usage{Input: 14, Output: 164}, "0.00427"},
		{"Perplexity", `{"prompt_tokens":11,"completion_tokens":62,"total_tokens":73,"cost":{"request_cost":0.005,"total_cost":0.00507}}`, llm.Usage{Input: 11, Output: 62}, "0.00507"},
		{"Charm", `{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2,"cost":{"usd":0.00017424,"hypercredits":0.0034848}}`, llm.Usage{Input: 1, Output: 1}, "0.00017424"},
		{"DeepInfra", `{"prompt_tokens":15,"completion_tokens":2,"total_tokens":17,"estimated_cost":3.7999999999999996e-07}`, llm.Usage{Input: 15, Output: 2}, "3.7999999999999996e-07"},
		{"one odd field", `{"prompt_tokens":15,"completion_tokens":2,"total_tokens":"17","prompt_tokens_details":"none","cost":[],"cost_details":{"upstream_inference_cost":null}}`, llm.Usage{Input: 15, Output: 2}, ""},
		{"nonsense", `{"prompt_tokens":-15,"completion_tokens":-2,"total_tokens":-17,"cost":{"total_cost":{"total_cost":1}},"is_byok":true,"cost_in_usd_ticks":-5}`, llm.Usage{}, ""},
	} {
		body := `{"choices":[{"index":0,"message":{"content":"x"},"finish_reason":"stop"}],"usage":` + tc.usage + `}`
		resp, err := collect(model(&canned{body: []byte(body)}), t.Context(), &llm.Request{Messages: question.Messages})
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		var got llm.Usage
		if resp.Usage != nil {
			got = *resp.Usage
		}
		if got != tc.want || resp.Cost != tc.cost || (resp.Usage == nil) != (tc.want == llm.Usage{}) {
			t.Errorf("%s: %+v for %q USD, want %+v for %q", tc.name, resp.Usage, resp.Cost, tc.want, tc.cost)
		}
	}
}

// TestForeignErrors: the bodies of failed responses in other forms than OpenAI's.
func TestForeignErrors(t *testing.T) {
	for _, tc := range []struct{ name, body, errType, text string }{
		{"FastAPI, Mistral", `{"detail":"Invalid API Key"}`, "422", "422: Invalid API Key"},
		{"FastAPI, refused fields", `{"detail":[{"loc":["body"],"msg":"Field required"}]}`, "422", `422: [{"loc":["body"],"msg":"Field required"}]`},
		{"vLLM", `{"object":"error","message":"too long","type":"BadRequestError","param":null,"code":400}`, "400", "422: too long"},
		{"a text", `{"error":"no such model"}`, "422", "422: no such model"},
		{"Gemini's list", `[{"error":{"code":400,"message":"bad key","status":"INVALID_ARGUMENT"}}]`, "400", "422: bad key"},
		{"OpenRouter", `{"error":{"message":"No cookie auth credentials found","code":401}}`, "401", "422: No cookie auth credentials found"},
		{"Cloudflare", `{"success":false,"errors":[{"code":7003,"message":"no route"}],"messages":[],"result":null}`, "7003", "422: no route"},
		{"an error that says nothing", `{"error":{},"message":"too long"}`, "422", "422: too long"},
		{"no errors", `{"errors":[],"detail":"too long"}`, "422", "422: too long"},
		{"nothing known", `{"ok":false}`, "422", `422: Unprocessable Entity: {"ok":false}`},
		{"nothing", ``, "422", "422: Unprocessable Entity"},
	} {
		for _, stream := range []bool{false, true} {
			_, err := collect(model(&canned{status: 422, body: []byte(tc.body)}), t.Context(), &llm.Request{Messages: question.Messages, Stream: stream})
			if err == nil || err.Error() != tc.text || callback.ErrorType(err) != tc.errType {
				t.Errorf("%s, stream %v: %q (%v), want %q (%s)", tc.name, stream, callback.ErrorType(err), err, tc.errType, tc.text)
			}
		}
	}
}
