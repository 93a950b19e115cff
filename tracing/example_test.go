package tracing_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
	callopenai "github.com/callspan/callspan/llm/openai"
	"github.com/callspan/callspan/tracing"
	"github.com/sashabaranov/go-openai"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

// A service that has its own OpenTelemetry set-up gives its provider, and puts
// the tracer into the context of a request.
func ExampleNew() {
	spans := tracetest.NewInMemoryExporter() // stands for the service's exporter
	tp := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))

	tracer := tracing.New(tracing.WithTracerProvider(tp))

	config := openai.DefaultConfig("key")
	config.HTTPClient = answer{200, []byte(`data: {"choices":[{"index":0,"delta":{"content":"Pink roses."},"finish_reason":"stop"}],"usage":{"prompt_tokens":12,"completion_tokens":3}}` + "\n\n")}
	model := callopenai.New(config, callopenai.Options{Model: "gpt-4o-mini"})

	ctx := callback.WithHandlers(context.Background(), tracer) // once per request
	for chunk, err := range model.Chat(ctx, &llm.Request{Messages: []llm.Message{llm.User("Flowers?")}, Stream: true}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(chunk.Text)
	}

	for _, span := range spans.GetSpans() {
		fmt.Println(span.Name)
		for _, a := range span.Attributes {
			if a.Key == "gen_ai.usage.input_tokens" || a.Key == "gen_ai.usage.cost" {
				fmt.Println(a.Key, "=", a.Value.String())
			}
		}
	}
	// Output:
	// Pink roses.
	// chat gpt-4o-mini
	// gen_ai.usage.input_tokens = 12
	// gen_ai.usage.cost = 3.6e-06
}

// A program without a set-up of its own lets Setup read the OTEL_* variables.
func ExampleSetup() {
	ctx := context.Background()
	tracer, shutdown, err := tracing.Setup(ctx, tracing.WithServiceName("flower-shop"))
	if err != nil {
		log.Fatal(err)
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := shutdown(ctx); err != nil {
			log.Print(err) // such as: 3 of 120 spans were not delivered to http://localhost:4317
		}
	}()
	ctx = callback.WithHandlers(ctx, tracer)
	_ = ctx // run the program
}
