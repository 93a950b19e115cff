package callback_test

import (
	"context"
	"io"
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
)

// BenchmarkHandlers: what the built-in handlers cost for a model call of a
// hundred chunks, beside one with a handler that looks at nothing.
func BenchmarkHandlers(b *testing.B) {
	async := callback.NewAsync(&callback.Funcs{OnLLMNewToken: func(context.Context, *callback.Info, llm.Chunk) {}}, callback.AsyncOptions{Block: true})
	defer async.Close(context.Background())
	path := filepath.Join(b.TempDir(), "runs.jsonl")
	file, err := callback.NewFile(path, callback.FileOptions{Content: true})
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	for _, tc := range []struct {
		name string
		h    callback.Handler
	}{
		{"blind", blind{}},
		{"Funcs", &callback.Funcs{OnLLMNewToken: func(context.Context, *callback.Info, llm.Chunk) {}}},
		{"Print", callback.Print(io.Discard)},
		{"Log", callback.Log(slog.New(slog.NewJSONHandler(io.Discard, nil)))},
		{"File", file},
		{"File with tokens", callback.NewFileWriter(io.Discard, callback.FileOptions{Tokens: true})},
		{"Async", async},
	} {
		b.Run(tc.name, func(b *testing.B) {
			m := callback.Model(chunks(100), tc.h)
			b.ReportAllocs()
			for b.Loop() {
				for range m.Chat(b.Context(), question) {
				}
			}
		})
	}
}
