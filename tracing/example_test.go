package tracing_test

import (
	"context"
	"fmt"
	"iter"
	"log"
	"time"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
	callopenai "github.com/callspan/callspan/llm/openai"
	"github.com/callspan/callspan/tracing"
	"github.com/sashabaranov/go-openai"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
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

// A service that exports by itself gives its exporter a client that keeps
// requests small and counts what does not arrive.
func ExampleNewClient() {
	ctx := context.Background()
	// The retries of the client inside are off: those around it see them.
	client := tracing.NewClient(otlptracegrpc.NewClient(
		otlptracegrpc.WithEndpointURL("http://localhost:4317"),
		otlptracegrpc.WithRetry(otlptracegrpc.RetryConfig{}),
	))
	exporter, err := otlptrace.New(ctx, client)
	if err != nil {
		log.Fatal(err)
	}
	tp := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter))
	tracer := tracing.New(tracing.WithTracerProvider(tp))
	defer func() {
		tracer.Shutdown(ctx) // spans of runs that are still open end first
		tp.Shutdown(ctx)
		log.Printf("%d spans arrived, %d were lost", client.Arrived(), client.Lost())
	}()
	ctx = callback.WithHandlers(ctx, tracer)
	_ = ctx // run the program
}

// Answers are recorded, questions are not, and what looks like an e-mail address
// is taken out.
func ExampleWithContent() {
	spans := tracetest.NewInMemoryExporter() // stands for the service's exporter
	tracer := tracing.New(
		tracing.WithTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))),
		tracing.WithContent(tracing.ContentOutput),
		tracing.WithRedactor(tracing.RedactEmails),
	)
	model := callback.Model(llm.ModelFunc(func(context.Context, *llm.Request) iter.Seq2[llm.Chunk, error] {
		return func(yield func(llm.Chunk, error) bool) {
			yield(llm.Chunk{Text: "Write to rosa@example.com.", Finish: "stop"}, nil)
		}
	}), tracer)
	llm.Collect(model.Chat(context.Background(), &llm.Request{Messages: []llm.Message{llm.User("Whom do I ask?")}}))

	for _, a := range spans.GetSpans()[0].Attributes {
		if a.Key == "gen_ai.input.messages" || a.Key == "gen_ai.output.messages" {
			fmt.Println(a.Key, "=", a.Value.AsString())
		}
	}
	// Output: gen_ai.output.messages = [{"role":"assistant","parts":[{"type":"text","content":"Write to [email]."}],"finish_reason":"stop"}]
}
