package tool

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// text returns a function's result as the model is sent it.
func text(out any) (string, error) {
	switch v := out.(type) {
	case string:
		return v, nil
	case json.RawMessage:
		return string(v), nil
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // a model reads it, no browser
	if err := e.Encode(out); err != nil {
		return "", &failure{"invalid_result", fmt.Sprintf("encode result: %T has no form in JSON", out),
			"the tool's result cannot be shown"}
	}
	return string(bytes.TrimSuffix(b.Bytes(), []byte("\n"))), nil
}

// bound cuts what the model is sent to limit bytes and says so; 0 is no limit.
func bound(s string, limit int) string {
	if limit == 0 || len(s) <= limit {
		return s
	}
	kept := cut(s, limit)
	return fmt.Sprintf("%s\n[cut: these are the first %d of %d bytes]", kept, len(kept), len(s))
}

// cut returns at most limit bytes of s, not dividing a rune.
func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}
