package doors_test

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/internal/spantree"
	callopenai "github.com/callspan/callspan/llm/openai"
	"github.com/callspan/callspan/tracing"
	official "github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/sashabaranov/go-openai"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace/noop"
)

// A shop is a service whose handlers ask a model. It has an SDK set-up of its
// own, with the stock batch processor and the usual limits, and otelhttp.
type shop struct {
	url    string
	client *http.Client

	tp       *sdktrace.TracerProvider
	exporter *tracetest.InMemoryExporter
	ended    chan struct{} // told of each span
	panicked chan any      // told of each panic of a handler
}

// A setUp is what differs between shops.
type setUp struct {
	door    door
	outside bool // Middleware stands outside of otelhttp
	http2   bool
	api     http.Handler                       // the model
	own     func(ctx context.Context, m model) // what a handler at /own does
}

// open starts a shop, as its owner would: the SDK first, then the handlers and
// what stands before them.
func open(t *testing.T, set setUp) *shop {
	t.Helper()
	s := &shop{exporter: tracetest.NewInMemoryExporter(), ended: make(chan struct{}, 9999), panicked: make(chan any, 9)}
	tp := sdktrace.NewTracerProvider(sdktrace.WithBatcher(s.exporter), sdktrace.WithSpanProcessor(notice{s.ended}))
	s.tp = tp
	otel.SetTracerProvider(tp)
	otel.SetTextMapPropagator(propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{}))
	t.Cleanup(func() {
		otel.SetTracerProvider(noop.NewTracerProvider())
		otel.SetTextMapPropagator(propagation.NewCompositeTextMapPropagator())
		if err := tp.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})

	mux := http.NewServeMux()
	modelURL := listen(t, &http.Server{Handler: set.api, ReadHeaderTimeout: time.Minute})
	base := &http.Transport{}
	t.Cleanup(base.CloseIdleConnections)
	m := set.door.open(modelURL, base)
	mux.HandleFunc("POST /ask/{form}", func(w http.ResponseWriter, r *http.Request) {
		if err := answer(w, r, m); err != nil {
			w.WriteHeader(http.StatusBadGateway)
		}
	})
	mux.HandleFunc("POST /own", func(_ http.ResponseWriter, r *http.Request) { set.own(r.Context(), m) })

	tracer := tracing.New(tracing.WithTracerProvider(tp))
	handler := otelhttp.NewHandler(callback.Middleware(tracer)(mux), "shop")
	if set.outside {
		handler = callback.Middleware(tracer)(otelhttp.NewHandler(mux, "shop"))
	}

	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if p := recover(); p != nil {
				s.panicked <- p
				panic(http.ErrAbortHandler) // which net/http does not log
			}
		}()
		handler.ServeHTTP(w, r)
	}))
	server.EnableHTTP2 = set.http2
	if set.http2 {
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	s.url, s.client = server.URL, server.Client()
	return s
}

// A notice is a span processor that tells of each span that has ended. It comes
// after the batch processor.
type notice struct{ ended chan<- struct{} }

func (notice) OnStart(context.Context, sdktrace.ReadWriteSpan) {}
func (n notice) OnEnd(sdktrace.ReadOnlySpan)                   { n.ended <- struct{}{} }
func (notice) Shutdown(context.Context) error                  { return nil }
func (notice) ForceFlush(context.Context) error                { return nil }

// spans waits until n spans have ended and returns what was exported, servers'
// spans first.
func (s *shop) spans(t *testing.T, n int) []sdktrace.ReadOnlySpan {
	t.Helper()
	for i := range n {
		select {
		case <-s.ended:
		case <-time.After(time.Minute):
			t.Fatalf("%d spans have ended, want %d", i, n)
		}
	}
	if err := s.tp.ForceFlush(t.Context()); err != nil {
		t.Fatal(err)
	}
	spans := s.exporter.GetSpans().Snapshots()
	s.exporter.Reset()
	if len(spans) != n {
		t.Fatalf("%d spans were exported, want %d:\n%s", len(spans), n, tree(spans))
	}
	slices.SortStableFunc(spans, func(a, b sdktrace.ReadOnlySpan) int { return a.StartTime().Compare(b.StartTime()) })
	return spans
}

// shown are the attributes that tree shows.
var shown = []string{"callspan.stopped", "error.type", "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens",
	"http.response.status_code", "session.id", "user.id"}

// tree prints spans without the words of their errors, which the doors' clients
// put differently, and whatever the SDK dropped of them.
func tree(spans []sdktrace.ReadOnlySpan) string {
	out := spantree.FromSDK(spans)
	for i := range out {
		out[i].Events, out[i].Reason = nil, ""
		for k := range out[i].Attrs {
			if !slices.Contains(shown, k) {
				delete(out[i].Attrs, k)
			}
		}
	}
	return "\n" + spantree.Render(out)
}

// A door is how the handlers of a shop reach the model.
type door struct {
	name string
	open func(baseURL string, base http.RoundTripper) model
}

// A model answers in one piece or in pieces, of which io.EOF is the end.
type model struct {
	whole  func(ctx context.Context, question string) (string, error)
	stream func(ctx context.Context, question string) (recv func() (string, error), done func() error, err error)
}

var doors = []door{{"Wrap", openWrapped}, {"NewTransport", openWire}}

func openWrapped(baseURL string, base http.RoundTripper) model {
	cfg := openai.DefaultConfig("sk-test")
	cfg.BaseURL, cfg.HTTPClient = baseURL, &http.Client{Transport: base}
	client := callopenai.Wrap(openai.NewClientWithConfig(cfg), callopenai.WithProvider("openai"))
	ask := func(question string) openai.ChatCompletionRequest {
		return openai.ChatCompletionRequest{Model: "gpt-4o-mini", Messages: []openai.ChatCompletionMessage{{Role: "user", Content: question}}}
	}
	return model{
		whole: func(ctx context.Context, question string) (string, error) {
			resp, err := client.CreateChatCompletion(ctx, ask(question))
			if err != nil {
				return "", err
			}
			return resp.Choices[0].Message.Content, nil
		},
		stream: func(ctx context.Context, question string) (func() (string, error), func() error, error) {
			stream, err := client.CreateChatCompletionStream(ctx, ask(question))
			if err != nil {
				return nil, nil, err
			}
			return func() (string, error) {
				c, err := stream.Recv()
				if err != nil {
					return "", err
				}
				return c.Choices[0].Delta.Content, nil
			}, stream.Close, nil
		},
	}
}

func openWire(baseURL string, base http.RoundTripper) model {
	tr := callopenai.NewTransport(base)
	tr.Provider = "openai"
	client := official.NewClient(option.WithBaseURL(baseURL), option.WithHTTPClient(&http.Client{Transport: tr}), option.WithAPIKey("sk-test"), option.WithMaxRetries(0))
	ask := func(question string) official.ChatCompletionNewParams {
		return official.ChatCompletionNewParams{Model: "gpt-4o-mini", Messages: []official.ChatCompletionMessageParamUnion{official.UserMessage(question)}}
	}
	return model{
		whole: func(ctx context.Context, question string) (string, error) {
			resp, err := client.Chat.Completions.New(ctx, ask(question))
			if err != nil {
				return "", err
			}
			return resp.Choices[0].Message.Content, nil
		},
		stream: func(ctx context.Context, question string) (func() (string, error), func() error, error) {
			stream := client.Chat.Completions.NewStreaming(ctx, ask(question))
			return func() (string, error) {
				if stream.Next() {
					return stream.Current().Choices[0].Delta.Content, nil
				}
				return "", cmp.Or(stream.Err(), io.EOF)
			}, stream.Close, stream.Err()
		},
	}
}

// answer asks the model what the request's body says and sends the answer on,
// each piece of a stream at once. An error is one of before that.
func answer(w http.ResponseWriter, r *http.Request, m model) error {
	question, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	if r.PathValue("form") == "whole" {
		text, err := m.whole(r.Context(), string(question))
		if err != nil {
			return err
		}
		_, err = io.WriteString(w, text)
		return err
	}
	recv, done, err := m.stream(r.Context(), string(question))
	if err != nil {
		return err
	}
	defer done()
	control := http.NewResponseController(w)
	if err := control.SetWriteDeadline(time.Now().Add(time.Minute)); err != nil {
		return err
	}
	flush := control.Flush
	if r.URL.Query().Get("by") == "flusher" {
		flush = func() error { w.(http.Flusher).Flush(); return nil }
	}
	for sent := false; ; sent = true {
		piece, err := recv()
		if err == io.EOF || err != nil && sent {
			return nil
		}
		if err != nil {
			return err
		}
		io.WriteString(w, piece)
		if err := flush(); err != nil {
			return nil // the caller has gone
		}
	}
}

// post asks the shop, and returns what came before the error if there is one.
func (s *shop) post(ctx context.Context, path, question string, header http.Header) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+path, strings.NewReader(question))
	if err != nil {
		return "", err
	}
	for k, v := range header {
		req.Header[k] = v
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

// from returns the headers of a caller that is traced.
func from(trace, span, flags, session, user string) http.Header {
	return http.Header{
		"Traceparent": {"00-" + trace + "-" + span + "-" + flags},
		"Baggage":     {fmt.Sprintf("session.id=%s,user.id=%s", session, user)},
	}
}

// eachShop runs f over both doors, with Middleware inside and outside of otelhttp.
func eachShop(t *testing.T, f func(t *testing.T, set setUp)) {
	for _, d := range doors {
		t.Run(d.name+"/inside", func(t *testing.T) { f(t, setUp{door: d}) })
		t.Run(d.name+"/outside", func(t *testing.T) { f(t, setUp{door: d, outside: true}) })
	}
}
