package standin

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math"
	"net/http"
	"strings"
	"unicode"
)

// What OpenAI's embedding models take
// (https://platform.openai.com/docs/api-reference/embeddings/create).
const (
	maxInputs      = 2048
	maxInputTokens = 8192
	maxTotalTokens = 300_000
)

// checkInputs returns what OpenAI would say against the inputs, if anything.
func (r *Request) checkInputs() *Failure {
	bad := func(code, message string) *Failure {
		return &Failure{Status: http.StatusBadRequest, Type: "invalid_request_error", Param: "input", Code: code, Message: message}
	}
	switch n := len(r.Inputs); {
	case n == 0:
		return bad("empty_array", "Invalid 'input': empty array. Expected an array with minimum length 1, but got an empty array instead.")
	case n > maxInputs:
		return bad("array_above_max_length", fmt.Sprintf("Invalid 'input': array too long. Expected an array with maximum length %d, but got an array with length %d instead.", maxInputs, n))
	}
	for i, s := range r.Inputs {
		if s == "" {
			return bad("", fmt.Sprintf("Invalid 'input[%d]': input cannot be an empty string.", i))
		}
	}
	return nil
}

// embed returns the script that answers an embedding request, and the usage it
// reports.
func (a *API) embed(r *Request, model string) (Script, Usage) {
	dims, f := dimensions(r, model)
	if f != nil {
		return f.script(), Usage{}
	}
	total := 0
	for _, s := range r.Inputs {
		n := len(a.split(model, s))
		if n > maxInputTokens {
			f := &Failure{Status: http.StatusBadRequest, Type: "invalid_request_error", Message: fmt.Sprintf("This model's maximum context length is %d tokens, however you requested %d tokens (%d in your prompt; 0 for the completion). Please reduce your prompt; or completion length.", maxInputTokens, n, n)}
			return f.script(), Usage{}
		}
		total += n
	}
	if total > maxTotalTokens {
		f := &Failure{Status: http.StatusBadRequest, Type: "max_tokens_per_request", Code: "max_tokens_per_request",
			Message: fmt.Sprintf("Requested %d tokens, max %d tokens per request", total, maxTotalTokens)}
		return f.script(), Usage{}
	}

	type embedding struct {
		Object    string `json:"object"`
		Index     int    `json:"index"`
		Embedding any    `json:"embedding"`
	}
	type usage struct {
		Prompt int `json:"prompt_tokens"`
		Total  int `json:"total_tokens"`
	}
	out := struct {
		Object string      `json:"object"`
		Data   []embedding `json:"data"`
		Model  string      `json:"model"`
		Usage  usage       `json:"usage"`
	}{Object: "list", Model: model, Usage: usage{total, total}}
	for i, s := range r.Inputs {
		e := embedding{Object: "embedding", Index: i}
		if v := Vector(s, dims); r.Base64 {
			e.Embedding = encode(v)
		} else {
			e.Embedding = v
		}
		out.Data = append(out.Data, e)
	}
	return Script{
		{part: PartHead, Wait: a.Pace.FirstToken, Status: http.StatusOK, Header: map[string]string{"Content-Type": typeJSON, "X-Request-Id": "req_" + randomText(32)}},
		{part: PartBody, reports: true, Raw: marshal(out) + "\n"},
	}, Usage{Prompt: total}
}

// dimensions returns the length of the vectors that answer r.
func dimensions(r *Request, model string) (int, *Failure) {
	own := 1536
	if model == "text-embedding-3-large" {
		own = 3072
	}
	bad := func(message string) *Failure {
		return &Failure{Status: http.StatusBadRequest, Type: "invalid_request_error", Message: message}
	}
	switch {
	case r.Dimensions == 0:
		return own, nil
	case strings.HasPrefix(model, "text-embedding-ada"):
		return 0, bad("This model does not support specifying dimensions.")
	case r.Dimensions < 0 || r.Dimensions > own:
		return 0, bad(fmt.Sprintf("Invalid value for 'dimensions' = %d. Must be greater than 0 and less than or equal to %d.", r.Dimensions, own))
	}
	return r.Dimensions, nil
}

// encode returns v in base64: float32, little endian.
func encode(v []float32) string {
	b := make([]byte, 0, 4*len(v))
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return base64.StdEncoding.EncodeToString(b)
}

// Vector returns the vector of a text: of length 1, and the nearer to those of
// other texts the more words, parts of words and Chinese characters they share.
// It is the same everywhere and always.
func Vector(text string, dimensions int) []float32 {
	sum := make([]float64, dimensions)
	features(strings.ToLower(text), func(f string, weight float64) {
		h := fnv.New64a()
		h.Write([]byte(f))
		n := h.Sum64()
		if n>>63 == 1 { // the sign keeps features apart that fall together
			weight = -weight
		}
		sum[n%uint64(dimensions)] += weight
	})
	norm := 0.0
	for _, x := range sum {
		norm += x * x
	}
	v := make([]float32, dimensions)
	if norm == 0 { // nothing to go by
		v[0] = 1
		return v
	}
	for i, x := range sum {
		v[i] = float32(x / math.Sqrt(norm))
	}
	return v
}

// features calls add with what a text is compared by.
func features(text string, add func(feature string, weight float64)) {
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) }) {
		runes := []rune(word)
		if strings.IndexFunc(word, ideographic) >= 0 {
			for i := range runes {
				add(string(runes[i]), 1)
				if i > 0 {
					add(string(runes[i-1:i+1]), 1)
				}
			}
			continue
		}
		weight := 1.0
		if len(runes) <= 3 { // mostly words that say nothing: how, the, my
			weight = 0.3
		}
		add(word, weight)
		runes = []rune("<" + word + ">")
		for i := 3; i <= len(runes); i++ {
			add(string(runes[i-3:i]), weight/2)
		}
	}
}
