package tracing_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/chain"
	"github.com/callspan/callspan/internal/conformance"
	"github.com/callspan/callspan/internal/otlpjson"
	"github.com/callspan/callspan/internal/spantree"
	"github.com/callspan/callspan/internal/testenv"
	"github.com/callspan/callspan/llm"
	callopenai "github.com/callspan/callspan/llm/openai"
	"github.com/callspan/callspan/tracing"
	"github.com/sashabaranov/go-openai"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.uber.org/goleak"
	"golang.org/x/tools/txtar"
)

func TestMain(m *testing.M) {
	if os.Getenv(receiveVariable) != "" {
		receive()
		return
	}
	testenv.Clear()
	goleak.VerifyTestMain(m)
}

// A recording is a tracer and what it made.
type recording struct {
	tracer   *tracing.Tracer
	exporter *tracetest.InMemoryExporter
	reader   *sdkmetric.ManualReader
}

func record(opts ...tracing.Option) *recording {
	r := &recording{exporter: tracetest.NewInMemoryExporter(), reader: sdkmetric.NewManualReader()}
	tp := sdktrace.NewTracerProvider(sdktrace.WithSyncer(r.exporter))
	mp := sdkmetric.NewMeterProvider(sdkmetric.WithReader(r.reader))
	r.tracer = tracing.New(append([]tracing.Option{tracing.WithTracerProvider(tp), tracing.WithMeterProvider(mp)}, opts...)...)
	return r
}

func (r *recording) spans() []sdktrace.ReadOnlySpan { return r.exporter.GetSpans().Snapshots() }

// answer is an HTTP client that answers every request with the same bytes.
type answer struct {
	status int
	body   []byte
}

func (a answer) Do(req *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: a.status, Status: fmt.Sprint(a.status, " ", http.StatusText(a.status)),
		Body: io.NopCloser(bytes.NewReader(a.body)), Request: req}, nil
}

// RoundTrip is Do, of a server that says what it sends.
func (a answer) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := a.Do(req)
	resp.Header = http.Header{"Content-Type": {"application/json"}}
	return resp, err
}

// scenario is the section "scenario" of an archive in testdata.
type scenario struct {
	About    string
	Status   int    // of the response; 0 is 200
	Plain    bool   // no streaming
	Content  bool   // capture content
	Stop     int    // the consumer breaks off after so many chunks
	Chain    bool   // through a conversation instead of the model alone
	Provider string // "" is openai
	API      string // "completions", "embeddings", "image", "speech", "transcription", "moderation"; "" is a chat
	Session  string // "" is none
	Request  llm.Request
	Embed    llm.EmbedRequest
	Path     string          // where a program posts Sent by itself, through the wire door
	Sent     json.RawMessage // instead of the above
}

// TestGolden: what a response becomes as spans. Each archive in testdata holds
// a scenario, the response, and the tree that comes of it.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, path := range files {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			sc, response := readScenario(t, path)
			r := record(tracing.WithContent(captured(sc.Content)))
			sc.play(t.Context(), r, response)
			tree := spantree.FromSDK(r.spans())
			for i := range tree {
				// Only there if the stream took a measurable time.
				delete(tree[i].Attrs, "callspan.output.tokens_per_second")
			}
			spantree.Golden(t, path, "spans", tree)
		})
	}
}

func readScenario(t *testing.T, path string) (sc scenario, response []byte) {
	t.Helper()
	archive, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string][]byte{}
	for _, f := range archive.Files {
		sections[f.Name] = f.Data
	}
	sc = scenario{Status: 200, Provider: "openai", Session: "visit-1"}
	if err := json.Unmarshal(sections["scenario"], &sc); err != nil {
		t.Fatalf("scenario: %v", err)
	}
	return sc, sections["response"]
}

// TestGoldenConformance: what programs send by themselves, in forms that our
// adapter does not have, keeps the conventions too.
func TestGoldenConformance(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	_, data := exported(t, func(ctx context.Context) {
		for _, path := range files {
			if sc, response := readScenario(t, path); sc.Path != "" {
				sc.post(ctx, answer{sc.Status, response})
				n++
			}
		}
	}, tracing.WithContent(tracing.ContentBoth))
	if n == 0 || len(data.Traces) == 0 {
		t.Fatalf("%d scenarios", n)
	}
	f, err := os.Create(filepath.Join(t.TempDir(), "export.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(otlpjson.NewWriter(f).WriteTraces(data.Traces), f.Close()); err != nil {
		t.Fatal(err)
	}
	conformance.Check(t, f.Name(), "--require-op", "chat")
}

func (sc *scenario) play(ctx context.Context, r *recording, response []byte) {
	cfg := openai.DefaultConfig("sk-0123456789abcdef")
	cfg.HTTPClient = answer{sc.Status, response}
	var m llm.Model
	switch sc.API {
	case "completions":
		m = callopenai.NewCompletion(cfg, callopenai.Options{Model: "gpt-3.5-turbo-instruct", Provider: sc.Provider})
	default:
		m = callopenai.New(cfg, callopenai.Options{Model: "gpt-4o-mini", Provider: sc.Provider})
	}
	ctx = callback.WithHandlers(ctx, r.tracer)
	ctx = callback.WithMetadata(callback.WithTags(callback.WithUser(callback.WithSession(ctx, sc.Session), "mei"), "test"), map[string]any{"shop": 7})
	if sc.Path != "" {
		sc.post(ctx, cfg.HTTPClient.(answer))
		return
	}
	if media := sc.media(callopenai.Wrap(openai.NewClientWithConfig(cfg), callopenai.WithBaseURL(cfg.BaseURL))); media != nil {
		media(ctx)
		return
	}
	if sc.API == "embeddings" {
		e := callopenai.NewEmbedder(cfg, callopenai.Options{Model: "text-embedding-3-small", Provider: sc.Provider, Batch: 2})
		e.Embed(ctx, &sc.Embed)
		return
	}
	seq := m.Chat(ctx, &sc.Request)
	if sc.Chain {
		talk := &chain.Conversation{Model: m, System: "You sell flowers."}
		seq = talk.Stream(ctx, "Roses, please.")
	} else {
		sc.Request.Stream = !sc.Plain
		sc.Request.Messages = append([]llm.Message{llm.System("You sell flowers."), llm.User("Roses, please.")}, sc.Request.Messages...)
	}
	n := 0
	for range seq {
		if n++; n == sc.Stop {
			break
		}
	}
}

// post sends what a program without our adapter does, through the wire door.
func (sc *scenario) post(ctx context.Context, a answer) {
	req, err := http.NewRequestWithContext(ctx, "POST", "https://api.openai.com/v1"+sc.Path, bytes.NewReader(sc.Sent))
	if err != nil {
		panic(err)
	}
	resp, err := callopenai.NewTransport(a).RoundTrip(req)
	if err != nil {
		return
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
}

// media returns the call of a scenario that is about images or sound.
func (sc *scenario) media(c *callopenai.Client) func(context.Context) {
	m := sc.Request.Model
	switch sc.API {
	case "image":
		return func(ctx context.Context) {
			c.CreateImage(ctx, openai.ImageRequest{Model: m, Prompt: "Roses, please."})
		}
	case "speech":
		return func(ctx context.Context) {
			r, err := c.CreateSpeech(ctx, openai.CreateSpeechRequest{Model: openai.SpeechModel(m), Input: "Roses, please."})
			if err == nil {
				io.Copy(io.Discard, r)
				r.Close()
			}
		}
	case "transcription":
		return func(ctx context.Context) {
			c.CreateTranscription(ctx, openai.AudioRequest{Model: m, FilePath: "roses.mp3", Reader: strings.NewReader("RIFF")})
		}
	case "moderation":
		return func(ctx context.Context) {
			c.Moderations(ctx, openai.ModerationRequest{Model: m, Input: "Roses, please."})
		}
	}
	return nil
}
