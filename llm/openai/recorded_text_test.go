package openai_test

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
	callopenai "github.com/callspan/callspan/llm/openai"
)

// otherDialects says which recorded calls are not of the completions API.
var otherDialects = map[string]string{
	"55037d2d2dbe": "Portkey's prompts: a request without a prompt, answered in the form of a chat",
	"aec79a3601f0": "the same",
	"3ee85dd81643": "Writer streams {\"value\": ...}",
}

// TestRecordedCompletions: recorded text completions come out as the providers
// meant them.
func TestRecordedCompletions(t *testing.T) {
	calls := recorded(t, "completions")
	connect := replay(t, calls)
	tried := 0
	for i := range calls {
		c := &calls[i]
		if otherDialects[c.ID] != "" {
			continue
		}
		tried++
		t.Run(c.Provider+"/"+c.ID, func(t *testing.T) {
			want := c.outcome(t)
			req := c.request(t)
			req.Messages = []llm.Message{llm.User(strings.Join(inputs(at(parse(t, string(c.Request)), "prompt")), ""))}
			var ends results
			m := callopenai.NewCompletion(connect(c), callopenai.Options{Provider: c.Provider, Handlers: []callback.Handler{&ends}})
			resp, err := collect(m, t.Context(), req)
			if len(ends.all) != 1 {
				t.Fatalf("the run ended %d times", len(ends.all))
			}
			end := ends.all[0]
			if text(at(parse(t, string(c.Request)), "model")) == "gpt-3.5-turbo" {
				// go-openai does not send it; the recorded API refused it.
				if callback.ErrorType(err) != "invalid_request" || c.sent != nil {
					t.Errorf("a chat model: %v", err)
				}
				return
			}
			if sent, want := text(at(parse(t, string(c.sent)), "prompt")), req.Messages[0].Text(); sent != want {
				t.Errorf("sent prompt %q, want %q", sent, want)
			}
			if want.err != nil {
				checkError(t, err, want.err)
				checkError(t, end.Err, want.err)
				return
			}
			if err != nil || end.Err != nil {
				t.Fatalf("failed: %v, the run says %v", err, end.Err)
			}
			if len(want.choices) == 0 || want.choices[0].Text == "" {
				t.Fatal("the recording has no answer")
			}
			if !reflect.DeepEqual(resp.Choices, want.choices) || !reflect.DeepEqual(end.Response.Choices, want.choices) {
				t.Errorf("the caller got %+v\nthe run says %+v\nwant %+v", resp.Choices, end.Response.Choices, want.choices)
			}
			if end.Response.Meta != want.meta {
				t.Errorf("facts %+v, want %+v", end.Response.Meta, want.meta)
			}
			checkUsage(t, end, want.usage, false)
			if strings.HasPrefix(want.meta.Model, "gpt-3.5-turbo-instruct") && !end.Priced {
				t.Error("no price")
			}
		})
	}
	if tried < 10 {
		t.Errorf("%d calls tried", tried)
	}
}

// inputs returns a text, or a list of them, as a list.
func inputs(v any) (all []string) {
	if s, ok := v.(string); ok {
		return []string{s}
	}
	for _, item := range list(v) {
		all = append(all, text(item))
	}
	return all
}

// TestRecordedEmbeddings: recorded embeddings come out number by number.
func TestRecordedEmbeddings(t *testing.T) {
	calls := recorded(t, "embeddings")
	connect := replay(t, calls)
	for i := range calls {
		c := &calls[i]
		t.Run(c.Provider+"/"+c.ID, func(t *testing.T) {
			sent, body := parse(t, string(c.Request)), c.bodies(t)[0]
			req := &llm.EmbedRequest{Model: text(at(sent, "model")), Inputs: inputs(at(sent, "input")),
				Dimensions: count(sent, "dimensions"), User: text(at(sent, "user"))}
			var ends results
			e := callopenai.NewEmbedder(connect(c), callopenai.Options{Handlers: []callback.Handler{&ends}})
			resp, err := e.Embed(t.Context(), req)
			if len(ends.all) != 1 {
				t.Fatalf("the run ended %d times", len(ends.all))
			}
			end := ends.all[0]
			got := parse(t, string(c.sent))
			if !reflect.DeepEqual(inputs(at(got, "input")), req.Inputs) || text(at(got, "model")) != req.Model || count(got, "dimensions") != req.Dimensions {
				t.Errorf("sent %s", c.sent)
			}
			if c.Status >= 400 {
				want := c.outcome(t).err
				checkError(t, err, want)
				checkError(t, end.Err, want)
				return
			}
			if c.Provider == "perplexity" {
				// Its base64 holds bytes instead of floats.
				if !errors.Is(err, llm.ErrMalformed) || resp != nil && len(resp.Vectors) > 0 {
					t.Errorf("bytes were read as floats: %v", err)
				}
				return
			}
			if err != nil || end.Err != nil {
				t.Fatalf("failed: %v, the run says %v", err, end.Err)
			}
			if want := recordedVectors(t, body); !reflect.DeepEqual(resp.Vectors, want) || len(want) != len(req.Inputs) {
				t.Errorf("got %d vectors, want %d others", len(resp.Vectors), len(want))
			}
			if resp.Model != text(at(body, "model")) {
				t.Errorf("model %q", resp.Model)
			}
			want := max(count(body, "usage", "prompt_tokens"), count(body, "usage", "total_tokens"))
			if want == 0 {
				if resp.Usage != nil || end.UsageSource != llm.UsageEstimated || end.Usage.Input == 0 {
					t.Errorf("usage %+v from %q, want an estimate", end.Usage, end.UsageSource)
				}
			} else if resp.Usage.Input != want || *end.Usage != (llm.Usage{Input: want}) || end.UsageSource != llm.UsageReported {
				t.Errorf("usage %+v from %q, want %d", end.Usage, end.UsageSource, want)
			}
			if cost := costOf(at(body, "usage")); (cost == nil) == end.CostReported || cost != nil && cost.Cmp(new(big.Rat)) == 0 {
				t.Errorf("cost %v, want %v", end.Cost, cost)
			}
		})
	}
}

// recordedVectors reads the vectors of a recorded response by other means.
func recordedVectors(t *testing.T, body any) (all [][]float32) {
	for _, d := range list(at(body, "data")) {
		var v []float32
		for _, n := range list(at(d, "embedding")) {
			f, err := strconv.ParseFloat(n.(json.Number).String(), 32)
			if err != nil {
				t.Fatal(err)
			}
			v = append(v, float32(f))
		}
		b, err := base64.StdEncoding.DecodeString(text(at(d, "embedding")))
		if err != nil {
			t.Fatal(err)
		}
		for ; len(b) > 0; b = b[4:] {
			v = append(v, math.Float32frombits(binary.LittleEndian.Uint32(b)))
		}
		all = append(all, v)
	}
	return all
}
