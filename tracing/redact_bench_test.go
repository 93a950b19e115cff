package tracing_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/internal/dialogue"
	"github.com/callspan/callspan/llm"
	"github.com/callspan/callspan/tracing"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
)

// talk returns the requests' messages after 30 turns, and their size.
func talk(tb testing.TB, lang string) (msgs []llm.Message, size int) {
	turns, err := dialogue.FlowerShop(lang, 30)
	if err != nil {
		tb.Fatal(err)
	}
	for _, turn := range turns {
		msgs = append(msgs, llm.User(turn.User), llm.Assistant(turn.Reply))
		size += len(turn.User) + len(turn.Reply)
	}
	return msgs, size
}

// BenchmarkRedact is what each redactor takes for prose, and for code and data,
// which are full of figures and names.
func BenchmarkRedact(b *testing.B) {
	texts := map[string]string{"data": strings.Repeat(`{"id":"chatcmpl-9kL1mN2pQ4rS6tU8vW0x","created":1763700000,"choices":[{"index":0,"logprob":-0.31725305,"message":"func main() { fmt.Println(describeStepContent) }"}]}`+"\n", 60)}
	for _, lang := range []string{"en", "zh"} {
		msgs, _ := talk(b, lang)
		for _, m := range msgs {
			texts[lang] += m.Text() + "\n"
		}
	}
	for _, word := range []string{"key", "email", "phone", "card", "iban", "ip"} {
		for _, kind := range []string{"en", "zh", "data"} {
			b.Run(word+"/"+kind, func(b *testing.B) {
				b.SetBytes(int64(len(texts[kind])))
				b.ReportAllocs()
				for b.Loop() {
					redactors[word](texts[kind])
				}
			})
		}
	}
}

// BenchmarkContent is a call with 30 turns before it and an answer of 1,000
// tokens, without content and with more and more done to it.
func BenchmarkContent(b *testing.B) {
	msgs, size := talk(b, "en")
	m := tokens(1000)
	size += 1000 * len(" rose")
	for _, c := range []struct {
		name string
		opts []tracing.Option
	}{
		{"off", nil},
		{"both", []tracing.Option{tracing.WithContent(tracing.ContentBoth)}},
		{"redacted", []tracing.Option{tracing.WithContent(tracing.ContentBoth), allRedactors}},
		{"hashed", []tracing.Option{tracing.WithContent(tracing.ContentBoth), tracing.WithContentHash(nil)}},
	} {
		b.Run(fmt.Sprintf("%s/KB=%d", c.name, size>>10), func(b *testing.B) {
			tracer := tracing.New(append(c.opts, tracing.WithTracerProvider(benchProvider(128)), tracing.WithMeterProvider(sdkmetric.NewMeterProvider()))...)
			ctx := callback.WithHandlers(b.Context(), tracer)
			req := &llm.Request{Model: "gpt-4o-mini", Stream: true, Messages: msgs}
			model := callback.Model(m)
			b.ReportAllocs()
			for b.Loop() {
				for _, err := range model.Chat(ctx, req) {
					if err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
