package tracing_test

import (
	"context"
	"testing"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
	"github.com/callspan/callspan/tracing"
	"go.opentelemetry.io/otel/baggage"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

// TestBaggage: who a call is for comes in with the request and, if that is
// wanted, goes on to the services below.
func TestBaggage(t *testing.T) {
	came, err := baggage.Parse("session.id=s-1,user.id=Zo%C3%AB,other=1")
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name          string
		ctx           context.Context
		opts          []tracing.Option
		session, user string // on the span
		below         string // the user in the baggage below
	}{
		{"nothing", t.Context(), nil, "", "", ""},
		{"what came", baggage.ContextWithBaggage(t.Context(), came), nil, "s-1", "Zoë", "Zoë"},
		{"the program says otherwise", callback.WithUser(baggage.ContextWithBaggage(t.Context(), came), "u-2"), nil, "s-1", "u-2", "Zoë"},
		{"it is not handed on", callback.WithUser(t.Context(), "u-2"), nil, "", "u-2", ""},
		{"it is handed on", callback.WithUser(t.Context(), "u-2"), []tracing.Option{tracing.WithBaggage()}, "", "u-2", "u-2"},
		{"it is handed on in place of what came", callback.WithUser(baggage.ContextWithBaggage(t.Context(), came), "Ana \xff"),
			[]tracing.Option{tracing.WithBaggage()}, "s-1", "Ana \uFFFD", "Ana \uFFFD"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			rec := tracetest.NewSpanRecorder()
			tp := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(rec))
			ctx := callback.WithHandlers(tc.ctx, tracing.New(append(tc.opts, tracing.WithTracerProvider(tp))...))
			ctx, run := callback.Start(ctx, &callback.Info{Kind: callback.KindLLM, Input: &llm.Request{Model: "m"}})
			run.End(nil)
			got := map[string]string{}
			for _, kv := range rec.Ended()[0].Attributes() {
				got[string(kv.Key)] = kv.Value.String()
			}
			if got["session.id"] != tc.session || got["gen_ai.conversation.id"] != tc.session || got["user.id"] != tc.user {
				t.Errorf("the span has session %q, conversation %q, user %q", got["session.id"], got["gen_ai.conversation.id"], got["user.id"])
			}
			if below := baggage.FromContext(ctx).Member("user.id").Value(); below != tc.below {
				t.Errorf("the baggage below has user %q, want %q", below, tc.below)
			}
		})
	}
}
