package main

import (
	"context"
	"time"

	"github.com/callspan/callspan/internal/dialogue"
	"github.com/callspan/callspan/internal/standin"
	"github.com/callspan/callspan/llm/token"
)

// florist starts a stand-in for the model that answers as the dialogue has it,
// in real tokens at the given speed per second.
func florist(model string, speed float64, turns []dialogue.Turn) (*standin.Server, error) {
	api := &standin.API{
		Reply: func(_ context.Context, r *standin.Request) (standin.Reply, error) {
			for _, t := range turns {
				if t.User == r.LastUser() {
					return standin.Text(t.Reply), nil
				}
			}
			return standin.Text(turns[len(turns)-1].Reply), nil
		},
		Split:  tokens,
		Models: map[string]string{model: dated(model)},
	}
	if speed > 0 {
		api.Pace = standin.Pace{FirstToken: 300 * time.Millisecond, PerSecond: speed}
	}
	tokens(model, turns[0].Reply) // loads the vocabulary, for which the first call would wait
	return api.Start()
}

// dated returns the name under which the API answers for a model.
func dated(model string) string {
	if model == "gpt-4o-mini" {
		return "gpt-4o-mini-2024-07-18"
	}
	return model
}

// tokens cuts a text as the model's tokenizer does.
func tokens(model, text string) []string {
	e, err := token.ForModel(model)
	if err != nil {
		e, err = token.Get("o200k_base")
	}
	if err != nil {
		return []string{text}
	}
	var out []string
	for n := range e.Lengths(text) {
		out = append(out, text[:n])
		text = text[n:]
	}
	return out
}
