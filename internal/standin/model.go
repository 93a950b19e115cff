package standin

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
)

// datedModels returns OpenAI's chat models with the dated name that answers
// for each, as of November 2026 (https://platform.openai.com/docs/models).
func datedModels() map[string]string {
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

func (a *API) models() map[string]string {
	if a.Models != nil {
		return a.Models
	}
	return datedModels()
}

// resolve returns the name of the model that answers for name.
func (a *API) resolve(name string) (string, bool) {
	models := a.models()
	if answers, ok := models[name]; ok {
		return cmp.Or(answers, name), true
	}
	for _, answers := range models {
		if answers == name {
			return name, true
		}
	}
	return "", false
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
	for _, name := range slices.Sorted(maps.Keys(a.models())) {
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
