package standin

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
)

// datedModels returns OpenAI's models of the kind that a path is asked for,
// with the name that answers for each, as of November 2026
// (https://platform.openai.com/docs/models). text-davinci-003 is one of the past.
func datedModels(path string) map[string]string {
	switch path {
	case pathCompletions:
		return map[string]string{
			"babbage-002":            "babbage:2023-07-21-v2",
			"davinci-002":            "davinci:2023-07-21-v2",
			"gpt-3.5-turbo-instruct": "gpt-3.5-turbo-instruct:20230824-v2",
			"text-davinci-003":       "text-davinci-003",
		}
	case pathEmbeddings:
		return map[string]string{
			"text-embedding-3-large": "text-embedding-3-large",
			"text-embedding-3-small": "text-embedding-3-small",
			"text-embedding-ada-002": "text-embedding-ada-002-v2",
		}
	}
	return map[string]string{
		"gpt-3.5-turbo": "gpt-3.5-turbo-0125",
		"gpt-4":         "gpt-4-0613",
		"gpt-4-turbo":   "gpt-4-turbo-2024-04-09",
		"gpt-4.1":       "gpt-4.1-2025-04-14",
		"gpt-4.1-mini":  "gpt-4.1-mini-2025-04-14",
		"gpt-4.1-nano":  "gpt-4.1-nano-2025-04-14",
		"gpt-4o":        "gpt-4o-2024-08-06",
		"gpt-4o-mini":   "gpt-4o-mini-2024-07-18",
		"gpt-5":         "gpt-5-2025-08-07",
		"gpt-5-mini":    "gpt-5-mini-2025-08-07",
		"gpt-5-nano":    "gpt-5-nano-2025-08-07",
		"o1":            "o1-2024-12-17",
		"o3":            "o3-2025-04-16",
		"o3-mini":       "o3-mini-2025-01-31",
		"o4-mini":       "o4-mini-2025-04-16",
	}
}

func (a *API) models(path string) map[string]string {
	if a.Models != nil {
		return a.Models
	}
	return datedModels(path)
}

// resolve returns the name of the model that answers r.
func (a *API) resolve(r *Request) (string, *Failure) {
	if name := find(a.models(r.Path), r.Model); name != "" {
		return name, nil
	}
	kind := ""
	for _, path := range []string{pathChat, pathCompletions, pathEmbeddings} {
		if find(a.models(path), r.Model) != "" {
			kind = path
		}
	}
	return "", wrongModel(r, kind)
}

// find returns the name that answers for name, "" if there is none.
func find(models map[string]string, name string) string {
	if answers, ok := models[name]; ok {
		return cmp.Or(answers, name)
	}
	for _, answers := range models {
		if answers == name {
			return name
		}
	}
	return ""
}

// wrongModel says what OpenAI says of a model that is not for such a request,
// but for those of the path kind.
func wrongModel(r *Request, kind string) *Failure {
	f := &Failure{Status: http.StatusNotFound, Type: "invalid_request_error"}
	switch {
	case kind == "":
		return noModel(r.Model)
	case r.Path == pathResponses:
		f.Status, f.Code, f.Param = http.StatusBadRequest, "model_not_found", "model"
		f.Message = "The requested model '" + r.Model + "' cannot be used with the Responses API."
	case r.Path == pathEmbeddings:
		f.Status = http.StatusForbidden
		f.Message = "You are not allowed to generate embeddings from this model"
	case kind == pathEmbeddings:
		f.Status = http.StatusForbidden
		f.Message = "You are not allowed to sample from this model"
	case kind == pathChat:
		f.Param = "model"
		f.Message = "This is a chat model and not supported in the v1/completions endpoint. Did you mean to use v1/chat/completions?"
	default:
		f.Param = "model"
		f.Message = "This is not a chat model and thus not supported in the v1/chat/completions endpoint. Did you mean to use v1/completions?"
	}
	return f
}

func (a *API) listModels() Script {
	type model struct {
		ID      string `json:"id"`
		Object  string `json:"object"`
		Created int64  `json:"created"`
		OwnedBy string `json:"owned_by"`
	}
	list := struct {
		Object string  `json:"object"`
		Data   []model `json:"data"`
	}{Object: "list", Data: []model{}}
	names := map[string]string{}
	for _, path := range []string{pathChat, pathCompletions, pathEmbeddings} {
		maps.Copy(names, a.models(path))
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		list.Data = append(list.Data, model{ID: name, Object: "model", Created: 1721172741, OwnedBy: "system"})
	}
	b, err := json.Marshal(list)
	if err != nil {
		panic(err) // strings and numbers always marshal
	}
	return Script{
		{part: PartHead, Status: 200, Header: map[string]string{"Content-Type": typeJSON}},
		{part: PartBody, Raw: string(b)},
	}
}
