package standin

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Failure is an error answer of the API.
type Failure struct {
	Status     int
	Type       string // such as "invalid_request_error"
	Code       string // such as "model_not_found"; "" is sent as null
	Param      string // "" is sent as null
	Message    string
	RetryAfter time.Duration // sent in whole seconds if not 0
}

// Error returns the message.
func (f *Failure) Error() string { return f.Message }

// body returns f in the form of OpenAI's error bodies.
func (f *Failure) body() string {
	type fields struct {
		Message string  `json:"message"`
		Type    string  `json:"type"`
		Param   *string `json:"param"`
		Code    *string `json:"code"`
	}
	null := func(s string) *string {
		if s == "" {
			return nil
		}
		return &s
	}
	b, err := json.MarshalIndent(map[string]fields{"error": {f.Message, f.Type, null(f.Param), null(f.Code)}}, "", "    ")
	if err != nil {
		panic(err) // strings always marshal
	}
	return string(b) + "\n"
}

func (f *Failure) script() Script {
	header := map[string]string{"Content-Type": typeJSON}
	if f.RetryAfter > 0 {
		header["Retry-After"] = strconv.Itoa(int((f.RetryAfter + time.Second - 1) / time.Second))
	}
	return Script{
		{part: PartHead, Status: f.Status, Header: header},
		{part: PartBody, Raw: f.body()},
	}
}

// wrongKey returns nil if key is let in. The message names no more of a key
// than its last four characters.
func (a *API) wrongKey(key string) *Failure {
	if len(a.Keys) == 0 || slices.Contains(a.Keys, key) {
		return nil
	}
	f := &Failure{Status: http.StatusUnauthorized, Type: "invalid_request_error", Code: "invalid_api_key"}
	if key == "" {
		f.Code = ""
		f.Message = "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY)."
		return f
	}
	shown := strings.Repeat("*", len(key))
	if len(key) > 8 {
		shown = strings.Repeat("*", len(key)-4) + key[len(key)-4:]
	}
	f.Message = "Incorrect API key provided: " + strings.ToValidUTF8(shown, "*") + ". You can find your API key at https://platform.openai.com/account/api-keys."
	return f
}

func noModel(name string) *Failure {
	return &Failure{Status: http.StatusNotFound, Type: "invalid_request_error", Code: "model_not_found",
		Message: "The model `" + name + "` does not exist or you do not have access to it."}
}
