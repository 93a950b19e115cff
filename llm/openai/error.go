package openai

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/callspan/callspan/llm"
	"github.com/sashabaranov/go-openai"
)

// convertError returns err with what the API said of it. Errors that are not
// the API's, such as those of the network, are returned as they are.
func convertError(err error, t *tap) error {
	var api *openai.APIError
	var req *openai.RequestError
	switch {
	case errors.As(err, &req): // first, as it may hold what go-openai made of half the body
		e := foreignError(req.Body)
		if e == nil {
			e = &llm.Error{Message: bodyText(req.HTTPStatus, req.HTTPStatusCode, req.Body)}
		}
		e.Status, e.RetryAfter, e.Err = req.HTTPStatusCode, retryAfter(t.header), err
		return e
	case errors.As(err, &api):
		return &llm.Error{Code: codeOf(api.Code), Type: api.Type, Status: api.HTTPStatusCode,
			Message: api.Message, RetryAfter: retryAfter(t.header), Err: err}
	}
	// go-openai gives up on an error frame that follows an "event:" line, and
	// returns nothing or the decoder's confusion. The stream's end has it.
	if e := errorIn(t.tail); e != nil {
		return e
	}
	switch {
	case err == nil:
		return llm.ErrMalformed
	case errors.Is(err, openai.ErrTooManyEmptyStreamMessages): // of a long page, say
		return fmt.Errorf("%w: %w", llm.ErrMalformed, err)
	}
	return err
}

// errorIn returns the error that the last data line of a stream holds, if any.
func errorIn(tail []byte) error {
	lines := bytes.Split(tail, []byte("\n"))
	for i := len(lines) - 1; i >= 0; i-- {
		data, ok := bytes.CutPrefix(bytes.TrimSpace(lines[i]), []byte("data:"))
		if !ok {
			continue
		}
		return errorBody(data)
	}
	return nil
}

// errorBody returns the error that a JSON object holds, or is, if any.
func errorBody(data []byte) error {
	var o struct {
		Error   json.RawMessage `json:"error"`
		Message json.RawMessage `json:"message"`
		Object  any             `json:"object"`
		Type    any             `json:"type"`
		Code    any             `json:"code"`
		Base    json.RawMessage `json:"base_resp"`
	}
	if json.Unmarshal(data, &o) != nil {
		return nil
	}
	kind, _ := o.Type.(string)
	code := codeOf(o.Code)
	base := baseError(o.Base)
	switch {
	case said(o.Error):
		return frameError(o.Error)
	case base != nil:
		return base
	case !said(o.Message):
	case o.Object == "error", strings.Contains(strings.ToLower(kind), "error"), code != "" && code != "200":
		return ownError(data)
	}
	return nil
}

// baseError reads MiniMax's "base_resp", which every answer of it has: a code is an
// error (https://platform.minimax.io/docs/api-reference/errorcode) but for 0, and
// HTTP's 200 of those who imitate it.
func baseError(raw []byte) error {
	var o struct {
		Code    any    `json:"status_code"`
		Message string `json:"status_msg"`
	}
	if len(raw) == 0 || json.Unmarshal(raw, &o) != nil {
		return nil
	}
	if code := codeOf(o.Code); code != "" && code != "0" && code != "200" {
		return &llm.Error{Code: code, Message: o.Message}
	}
	return nil
}

// ownError reads an object that is an error itself, as FastChat and vLLM send it
// and the responses API does.
func ownError(raw []byte) error {
	err := frameError(raw)
	var e *llm.Error
	if errors.As(err, &e) && e.Type == "error" { // the kind of the object
		if e.Type = ""; e.Code == "" {
			e.Type = inBand
		}
	}
	return err
}

// said reports whether a value says anything: it is not null, false, 0, an empty
// text, or made of nothing else. Some servers send such an error with every frame.
func said(raw []byte) bool {
	var v any
	return len(raw) > 0 && json.Unmarshal(raw, &v) == nil && saysAny(v)
}

func saysAny(v any) bool {
	switch v := v.(type) {
	case bool:
		return v
	case float64:
		return v != 0
	case string:
		return v != ""
	case []any:
		return slices.ContainsFunc(v, saysAny)
	case map[string]any:
		for _, v := range v {
			if saysAny(v) {
				return true
			}
		}
	}
	return false
}

// frameError reads the value of "error" in a frame: an object with message,
// type and code, or a text.
func frameError(raw []byte) error {
	var o struct {
		Message json.RawMessage `json:"message"`
		Type    string          `json:"type"`
		Code    any             `json:"code"`
	}
	e := &llm.Error{}
	if err := json.Unmarshal(raw, &o); err == nil || o.Message != nil {
		if json.Unmarshal(o.Message, &e.Message) != nil {
			e.Message = string(o.Message)
		}
		e.Type, e.Code = o.Type, codeOf(o.Code)
	} else if json.Unmarshal(raw, &e.Message) != nil {
		e.Message = string(raw)
	}
	if e.Code == "" && e.Type == "" {
		e.Type = inBand
	}
	return e
}

// inBand is the type of an error in a stream that says no more than a text.
const inBand = "in_band_error"

// codeOf returns the code of an API error as text: providers send words and
// numbers.
func codeOf(code any) string {
	switch v := code.(type) {
	case string:
		return v
	case int:
		if v != 0 {
			return strconv.Itoa(v)
		}
	case float64:
		if v != 0 {
			return strconv.FormatFloat(v, 'f', -1, 64)
		}
	}
	return ""
}

// eventError returns what an event says that is named error and looks like no
// error else: a bare text, or an object with a message alone.
func eventError(data []byte, api string) error {
	if string(data) == "[DONE]" {
		return nil
	}
	if data[0] != '{' {
		return &llm.Error{Message: shorten(string(data)), Type: inBand}
	}
	var o struct{ Error, Message json.RawMessage }
	if api == llm.APIResponses || json.Unmarshal(data, &o) != nil || present(o.Error) || !present(o.Message) {
		return nil
	}
	e := foreignError(data)
	if e != nil && e.Type == "" && e.Code == "" {
		e.Type = inBand
	}
	if e == nil {
		return nil
	}
	return e
}

// foreignError reads the bodies of failed responses that go-openai does not
// know: FastAPI's {"detail": ...}, as Mistral sends it, vLLM's error without an
// envelope, an error that is text, Gemini's list of one, Cloudflare's "errors",
// MiniMax's "base_resp". It returns nil for others.
func foreignError(body []byte) *llm.Error {
	var list []json.RawMessage
	if json.Unmarshal(body, &list) == nil && len(list) == 1 {
		body = list[0]
	}
	var o struct {
		Error   json.RawMessage `json:"error"`
		Errors  json.RawMessage `json:"errors"`
		Detail  json.RawMessage `json:"detail"`
		Message json.RawMessage `json:"message"`
		Type    any             `json:"type"`
		Code    any             `json:"code"`
		Base    json.RawMessage `json:"base_resp"`
	}
	if json.Unmarshal(body, &o) != nil {
		return nil
	}
	if list = nil; !said(o.Error) && json.Unmarshal(o.Errors, &list) == nil && len(list) > 0 {
		o.Error = list[0]
	}
	var e *llm.Error
	switch {
	case said(o.Error) && errors.As(frameError(o.Error), &e):
		if e.Type == inBand {
			e.Type = ""
		}
		return e
	case errors.As(baseError(o.Base), &e):
		return e
	case present(o.Message):
		kind, _ := o.Type.(string)
		return &llm.Error{Message: words(o.Message), Type: kind, Code: codeOf(o.Code)}
	case present(o.Detail):
		return &llm.Error{Message: words(o.Detail)}
	}
	return nil
}

func present(raw json.RawMessage) bool { return len(raw) > 0 && string(raw) != "null" }

// words returns a JSON string's characters, or another value as it is written.
func words(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return shorten(string(raw))
	}
	return s
}

// shorten bounds text that nobody meant as a message.
func shorten(s string) string {
	if len(s) > 300 {
		return strings.ToValidUTF8(s[:300], "") + "..."
	}
	return s
}

// bodyText returns what a failed response says whose body is not an API error:
// the words of its status, and the body if it is short text.
func bodyText(status string, code int, body []byte) string {
	text := strings.TrimSpace(strings.TrimPrefix(status, strconv.Itoa(code)))
	if text == "" {
		text = http.StatusText(code)
	}
	said := strings.TrimSpace(string(body))
	switch {
	case said == "" || strings.HasPrefix(said, "<"):
		return text
	case text == "":
		return shorten(said)
	}
	return text + ": " + shorten(said)
}

// retryAfter reads the header in its two forms, and before it OpenAI's own, which
// is exact where the standard's is rounded, to 0 also.
func retryAfter(h http.Header) time.Duration {
	if ms, err := strconv.ParseFloat(h.Get("Retry-After-Ms"), 64); err == nil && ms > 0 && ms <= 1e9 {
		return time.Duration(ms * float64(time.Millisecond))
	}
	v := h.Get("Retry-After")
	if v == "" {
		return 0
	}
	if s, err := strconv.ParseFloat(v, 64); err == nil {
		if s <= 0 || s > 1e6 {
			return 0
		}
		return time.Duration(s * float64(time.Second))
	}
	if at, err := http.ParseTime(v); err == nil {
		return max(time.Until(at), 0)
	}
	return 0
}
