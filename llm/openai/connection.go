package openai

import (
	"github.com/callspan/callspan/llm"
	"github.com/callspan/callspan/llm/price"
	"github.com/callspan/callspan/llm/token"
	"github.com/sashabaranov/go-openai"
)

// A connection is what calls of any kind have in common: where they go, and how
// they are counted and priced.
type connection struct {
	client   *openai.Client
	endpoint llm.Endpoint
	meter    token.Meter
	prices   *price.Book
}

// connect prepares calls of one of the llm.API constants, or "" for what is not
// a model's answer, and loads vocabularies and prices in the background.
func connect(cfg openai.ClientConfig, o Options, api string) connection {
	token.Preload(o.Model)
	price.Preload()
	cfg.HTTPClient = &tapDoer{cfg.HTTPClient}
	return connection{
		client:   openai.NewClientWithConfig(cfg),
		endpoint: endpointOf(cfg, o, api),
		meter:    token.Meter{Model: o.Model, API: api},
		prices:   o.Prices,
	}
}

func (c *connection) Endpoint() llm.Endpoint { return c.endpoint }
func (c *connection) Meter() llm.Meter       { return c.meter }
func (c *connection) Prices() *price.Book    { return c.prices }

// text reports whether the answers are those of text completions.
func (c *connection) text() bool { return c.endpoint.API == llm.APICompletions }

// model returns the model that is asked when a request names the given one.
func (c *connection) model(requested string) (string, error) {
	if requested == "" {
		requested = c.endpoint.Model
	}
	if requested == "" {
		return "", errNoModel
	}
	return requested, nil
}
