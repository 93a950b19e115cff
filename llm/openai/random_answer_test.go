package openai

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

// A bard makes up responses of the APIs: usual ones, and the more odd it is the
// more of what is JSON but not as usual: other types, other cases of a key, keys
// that come again, keys that nobody knows.
type bard struct {
	*rand.Rand
	odd float64
}

func newBard(seed uint64, odd float64) *bard {
	return &bard{rand.New(rand.NewPCG(seed, 5)), odd}
}

func (b *bard) chance(p float64) bool { return b.Float64() < p }

func (b *bard) pick(of ...string) string { return of[b.IntN(len(of))] }

// A field is a key with what makes its value.
type field struct {
	key   string
	value func() string
}

func (b *bard) fixed(of ...string) func() string { return func() string { return b.pick(of...) } }

// text is a JSON string.
func (b *bard) text() string {
	return b.pick(`""`, `"Pink"`, `" roses"`, `"chatcmpl-1"`, `"a\n\"b\"\\"`, `"\u7389\ud83c\udf39"`, `"玫瑰"`, `"🌹"`, `"\ud83c"`, `"data: [DONE]"`,
		`"{\"error\":"`, "\"\xe7\x8e\"", "\"a\xff\"", `"\u0000"`, `"<b>\/"`, strconv.Quote(strings.Repeat("rose ", b.IntN(40))))
}

func (b *bard) number() string {
	if b.chance(b.odd) {
		return b.pick("-1", "1.5", "1e3", "-0", "1e400", "9223372036854775808", "128", `"1"`)
	}
	return strconv.Itoa(b.IntN(3))
}

// any is any JSON value.
func (b *bard) any(depth int) string {
	switch n := b.IntN(8); {
	case n == 0 && depth > 0:
		return "[" + strings.Join(b.list(b.IntN(3), func() string { return b.any(depth - 1) }), ",") + "]"
	case n == 1 && depth > 0:
		return "{" + strings.Join(b.list(b.IntN(3), func() string {
			return b.pick(`"a"`, `"content"`, `"usage"`, `"Index"`, `"error"`) + ":" + b.any(depth-1)
		}), ",") + "}"
	case n < 4:
		return b.text()
	case n < 6:
		return b.number()
	}
	return b.pick("null", "true", "false", "{}", "[]", `"x"`)
}

func (b *bard) list(n int, make func() string) (out []string) {
	for range n {
		out = append(out, make())
	}
	return out
}

func (b *bard) array(least, most int, make func() string) func() string {
	return func() string {
		if b.chance(b.odd / 3) {
			return b.pick("null", "[]", "[null]", "{}")
		}
		return "[" + strings.Join(b.list(least+b.IntN(most-least+1), make), b.pick(",", ",", " , ")) + "]"
	}
}

// object is an object with some of the fields.
func (b *bard) object(fields ...field) string {
	if b.chance(b.odd / 5) {
		b.Shuffle(len(fields), func(i, j int) { fields[i], fields[j] = fields[j], fields[i] })
	}
	var out []string
	add := func(key, value string) {
		switch {
		case b.chance(b.odd / 20):
			key = strings.ToUpper(key)
		case b.chance(b.odd / 40):
			key = strings.ReplaceAll(key, "s", "\u017f") // which encoding/json takes for an s
		case b.chance(b.odd / 40):
			key = strings.Replace(key, "e", `\u0065`, 1)
		}
		out = append(out, `"`+key+`":`+b.pick("", "", " ")+value)
	}
	for _, f := range fields {
		if b.chance(0.15) {
			continue
		}
		value := f.value()
		switch {
		case b.chance(b.odd / 10):
			value = "null"
		case b.chance(b.odd / 15):
			value = b.any(2)
		}
		add(f.key, value)
		if b.chance(b.odd / 20) {
			add(f.key, f.value())
		}
		if b.chance(b.odd / 10) {
			add(b.pick("x", "provider", "X-Y", "native_finish_reason", "\xff", ""), b.any(2))
		}
	}
	return "{" + strings.Join(out, ",") + "}"
}

func (b *bard) usage() string {
	return b.object(field{"prompt_tokens", b.number}, field{"completion_tokens", b.number}, field{"total_tokens", b.number},
		field{"prompt_tokens_details", func() string { return b.object(field{"cached_tokens", b.number}, field{"audio_tokens", b.number}) }},
		field{"completion_tokens_details", func() string { return b.object(field{"reasoning_tokens", b.number}) }}, field{"cost", b.fixed("0.1", `"0.1"`, "{}")})
}

func (b *bard) failure() string {
	if b.chance(0.3) {
		return b.any(1)
	}
	return b.object(field{"message", b.fixed(`"no"`, `["a","b"]`, "7")}, field{"type", b.fixed(`"server_error"`, "null")}, field{"code", b.fixed(`"overloaded"`, "502", "null", "1.5")},
		field{"param", b.fixed("null", `"prompt"`)}, field{"innererror", b.fixed(`{"code":"ResponsibleAIPolicyViolation","content_filter_result":{}}`)})
}

func (b *bard) tool() string {
	return b.object(field{"index", b.number}, field{"id", b.text}, field{"type", b.fixed(`"function"`, `"custom"`)},
		field{"function", func() string { return b.object(field{"name", b.text}, field{"arguments", b.text}) }})
}

func (b *bard) logprobs() string {
	return b.pick("null", "null", `{"content":[{"token":"a","logprob":-0.5,"bytes":[97],"top_logprobs":[]}],"refusal":null}`, `{"tokens":["a"],"token_logprobs":[-0.5],"top_logprobs":[{"a":1}],"text_offset":[0]}`)
}

func (b *bard) finish() string {
	return b.pick("null", "null", "null", `"stop"`, `"length"`, `"tool_calls"`, `"null"`, `""`)
}

func (b *bard) message() string {
	return b.object(field{"role", b.fixed(`"assistant"`, `"user"`)}, field{"content", b.text}, field{"refusal", b.fixed("null", `"No."`)},
		field{"reasoning_content", b.fixed(`"hm"`, "null")}, field{"reasoning", b.fixed(`"hm"`, "null", "{}")},
		field{"reasoning_details", b.fixed(`[{"type":"reasoning.text","text":"hm"}]`, "[]", "7")},
		field{"tool_calls", b.array(0, 2, b.tool)}, field{"function_call", b.fixed("null", "null", `{"name":"f","arguments":"{}"}`)})
}

func (b *bard) chatChoice(content string) func() string {
	return func() string {
		return b.object(field{"index", b.number}, field{content, b.message}, field{"logprobs", b.logprobs}, field{"finish_reason", b.finish},
			field{"content_filter_results", b.fixed("{}", `{"hate":{"filtered":false,"severity":"safe"}}`)})
	}
}

func (b *bard) textChoice() string {
	return b.object(field{"text", b.text}, field{"index", b.number}, field{"logprobs", b.logprobs}, field{"finish_reason", b.finish})
}

// answer is the body of an answer in one piece, or a frame of one.
func (b *bard) answer(object string, choice func() string, usage func() string) string {
	fields := []field{{"id", b.text}, {"object", b.fixed(object)}, {"created", b.fixed("1763700000")}, {"model", b.fixed(`"gpt-4o-mini-2024-07-18"`, `"m"`)},
		{"system_fingerprint", b.fixed(`"fp_1"`, "null")}, {"service_tier", b.fixed(`"default"`, "null")}, {"choices", b.array(1, 2, choice)}, {"usage", usage}}
	if b.chance(b.odd / 5) {
		fields = append(fields, field{"error", b.failure})
	}
	if b.chance(b.odd / 5) {
		fields = append(fields, field{"x_groq", func() string { return `{"usage":` + b.usage() + `}` }})
	}
	if b.chance(b.odd / 5) {
		fields = append(fields, field{"prompt_filter_results", b.fixed(`[{"index":0,"content_filter_results":{}}]`)})
	}
	return b.object(fields...)
}

// stream puts frames into the form of server-sent events.
func (b *bard) stream(frames []string, named bool) []byte {
	var out bytes.Buffer
	if b.chance(b.odd / 8) {
		out.WriteString("\xEF\xBB\xBF")
	}
	end, data := "\n", "data: "
	if b.chance(b.odd / 2) {
		end, data = b.pick("\n", "\r\n"), b.pick("data: ", "data:", "data:  ")
	}
	for _, f := range frames {
		if b.chance(b.odd / 5) {
			out.WriteString(b.pick(": wait", "event: message", "id: 7", "retry: 1", "event: error", "", "   ", "{}") + end)
		}
		if named {
			out.WriteString("event: response" + end)
		}
		if b.chance(b.odd / 10) { // in two lines
			at := b.IntN(len(f) + 1)
			f = f[:at] + end + data + f[at:]
		}
		out.WriteString(data + f + end)
		if !b.chance(b.odd / 10) {
			out.WriteString(end)
		}
	}
	return out.Bytes()
}

// chunks is a stream of choices.
func (b *bard) chunks(object string, choice func() string) []byte {
	frames := b.list(b.IntN(8), func() string {
		if b.chance(b.odd / 8) {
			return b.pick(`{"error":`+b.failure()+`}`, "[DONE]", b.any(2), "", "<html>")
		}
		return b.answer(object, choice, b.fixed("null", "null", "null", b.usage()))
	})
	if b.chance(0.7) {
		frames = append(frames, `{"id":"chatcmpl-1","choices":[],"usage":`+b.usage()+`}`)
	}
	if b.chance(0.8) {
		frames = append(frames, "[DONE]")
	}
	return b.stream(frames, false)
}

func (b *bard) item() string {
	return b.object(field{"id", b.text}, field{"type", b.fixed(`"message"`, `"function_call"`, `"reasoning"`, `"custom_tool_call"`)}, field{"status", b.fixed(`"completed"`)},
		field{"role", b.fixed(`"assistant"`)}, field{"call_id", b.text}, field{"name", b.text}, field{"arguments", b.text},
		field{"content", b.array(0, 2, b.part)}, field{"summary", b.array(0, 1, b.part)})
}

func (b *bard) part() string {
	return b.object(field{"type", b.fixed(`"output_text"`, `"refusal"`)}, field{"text", b.text}, field{"refusal", b.fixed(`"No."`)},
		field{"annotations", b.array(0, 1, func() string { return `{"type":"url_citation","url":"x"}` })}, field{"logprobs", b.fixed("[]", `[{"token":"a","logprob":-1}]`)})
}

func (b *bard) response() string {
	return b.object(field{"id", b.text}, field{"object", b.fixed(`"response"`)}, field{"created_at", b.fixed("1763700000")},
		field{"status", b.fixed(`"completed"`, `"incomplete"`, `"failed"`, `"in_progress"`, `"queued"`, `"cancelled"`)},
		field{"error", b.fixed("null", `{"code":"server_error","message":"no"}`)}, field{"incomplete_details", b.fixed("null", `{"reason":"max_output_tokens"}`)},
		field{"model", b.fixed(`"gpt-5-mini"`)}, field{"output", b.array(0, 2, b.item)}, field{"service_tier", b.fixed(`"default"`)}, field{"temperature", b.fixed("1", "null")},
		field{"usage", func() string {
			return b.object(field{"input_tokens", b.number}, field{"output_tokens", b.number}, field{"total_tokens", b.number}, field{"input_tokens_details", b.fixed(`{"cached_tokens":1}`)})
		}})
}

func (b *bard) event() string {
	kinds := b.fixed(`"response.created"`, `"response.in_progress"`, `"response.output_item.added"`, `"response.output_text.delta"`, `"response.output_text.delta"`,
		`"response.refusal.delta"`, `"response.reasoning_text.delta"`, `"response.reasoning_summary_text.delta"`, `"response.function_call_arguments.delta"`,
		`"response.custom_tool_call_input.delta"`, `"response.output_text.done"`, `"response.completed"`, `"response.failed"`, `"error"`, `"keepalive"`)
	fields := []field{{"type", kinds}, {"sequence_number", b.number}, {"item_id", b.text}, {"output_index", b.number}, {"content_index", b.number}, {"delta", b.text},
		{"logprobs", b.fixed("[]", "[]", "null", `[{"token":"a","logprob":-1,"bytes":[97],"top_logprobs":[]}]`)}, {"obfuscation", b.text}}
	for _, f := range []field{{"response", b.response}, {"item", b.item}, {"part", b.part}, {"text", b.text}, {"arguments", b.text}, {"summary_index", b.number},
		{"annotation", b.fixed(`{"type":"url_citation"}`)}, {"code", b.text}, {"message", b.text}, {"param", func() string { return b.any(1) }}, {"error", b.failure}} {
		if b.chance(0.15) {
			fields = append(fields, f)
		}
	}
	return b.object(fields...)
}

func (b *bard) events() []byte {
	frames := b.list(b.IntN(10), b.event)
	if b.chance(0.7) {
		frames = append(frames, `{"type":"response.completed","response":`+b.response()+`}`)
	}
	if b.chance(b.odd / 4) {
		frames = append(frames, "[DONE]")
	}
	return b.stream(frames, b.chance(0.5))
}

func (b *bard) vectors() string {
	vector := b.fixed("[0.5,-0.25]", "[]", "[1e-3]", `"`+base64.StdEncoding.EncodeToString([]byte{0, 0, 0, 63, 0, 0, 128, 62})+`"`)
	if !b.chance(b.odd) {
		vector = b.fixed("[0.5,-0.25]")
	}
	return b.object(field{"object", b.fixed(`"list"`)}, field{"model", b.fixed(`"text-embedding-3-small"`)}, field{"usage", b.usage},
		field{"data", b.array(1, 2, func() string {
			return b.object(field{"object", b.fixed(`"embedding"`)}, field{"index", b.number}, field{"embedding", vector})
		})})
}

func (b *bard) images() string {
	return b.object(field{"created", b.number}, field{"data", b.array(0, 2, func() string {
		return b.object(field{"url", b.text}, field{"b64_json", b.text}, field{"revised_prompt", b.text})
	})}, field{"usage", func() string { return b.object(field{"input_tokens", b.number}, field{"output_tokens", b.number}) }})
}

func (b *bard) transcript() string {
	return b.object(field{"text", b.text}, field{"task", b.text}, field{"language", b.text}, field{"duration", b.number},
		field{"segments", b.array(0, 1, func() string { return b.object(field{"id", b.number}, field{"text", b.text}) })})
}

func (b *bard) verdict() string {
	return b.object(field{"id", b.text}, field{"model", b.text}, field{"results", b.array(0, 2, func() string {
		return b.object(field{"flagged", b.fixed("true", "false")}, field{"categories", b.fixed("{}", `{"hate":true}`)}, field{"category_scores", b.fixed(`{"hate":0.5}`)})
	})})
}

// harm changes a response as no server means it.
func (b *bard) harm(body []byte) []byte {
	body = slices.Clone(body)
	at := func() int { return b.IntN(len(body) + 1) }
	for range 1 + b.IntN(3) {
		switch b.IntN(9) {
		case 0:
			if len(body) > 0 {
				body[b.IntN(len(body))] = byte(b.IntN(256))
			}
		case 1:
			if len(body) > 0 {
				body[b.IntN(len(body))] ^= 1 << b.IntN(8)
			}
		case 2:
			body = body[:at()]
		case 3:
			i := at()
			body = slices.Delete(body, i, min(i+b.IntN(20), len(body)))
		case 4:
			body = slices.Insert(body, at(), []byte(b.pick("\n", "\r\n", "\r", "data:", "\ndata: ", "[DONE]", "event: error\n", ": \n", "\x00", "\xEF\xBB\xBF", "null", `"`, `{"error":`,
				"\n\ndata: {\"error\":{\"message\":\"no\",\"code\":\"overloaded\"}}\n\n", "\n\ndata: [DONE]\n\n", strings.Repeat("\n", 40), `,"usage":{"prompt_tokens":3}`, `,"choices":[]`))...)
		case 5:
			body = bytes.ReplaceAll(body, []byte("\n"), []byte(b.pick("\r\n", "\r", "\n\n", "")))
		case 6:
			i := at()
			j := min(i+b.IntN(200), len(body))
			body = slices.Insert(body, at(), slices.Clone(body[i:j])...)
		case 7:
			body = append(body, b.any(3)...)
		default:
			body = bytes.Replace(body, []byte(b.pick(`"choices"`, `"delta"`, `"usage"`, `"type"`, `:[`, `":`)), []byte(b.pick(`"Choices"`, `"x"`, `"usage"`, `:{`, `"`, `":"`)), 1+b.IntN(2))
		}
	}
	return body
}

// failed is the body of a response with the status of a failure.
func (b *bard) failed() []byte {
	return []byte(b.pick(`{"error":`+b.failure()+`}`, `{"detail":"no"}`, "<html>", "", fmt.Sprintf(`[{"error":%s}]`, b.failure()), `{"error":{"message":"slow down","type":"requests","code":"rate_limit_exceeded"}}`))
}
