package tracing_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
	"github.com/callspan/callspan/tracing"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/baggage"
)

// longest returns the longest text of an attribute.
func longest(kv attribute.KeyValue) (s string) {
	for _, v := range append(kv.Value.AsStringSlice(), kv.Value.AsString()) {
		if len(v) > len(s) {
			s = v
		}
	}
	return s
}

// TestBounds: however long what a program or a request says, spans show a part
// of it that is valid UTF-8, and no part of a key.
func TestBounds(t *testing.T) {
	const secret = "4f9aK2mQx81LzP0wR7tY3uVb"
	long := "a" + strings.Repeat("玫瑰", 10_000) // 60 kB, a rune across each even limit
	keyed := strings.Repeat("r", 240) + " sk-proj-" + secret + long
	for _, text := range []string{long, keyed} {
		r := record(tracing.WithBaggage())
		ctx := callback.WithHandlers(t.Context(), r.tracer)
		ctx = callback.WithUser(callback.WithSession(ctx, text), text)
		ctx = callback.WithTags(ctx, text, "short")
		ctx = callback.WithMetadata(ctx, map[string]any{"text": text, "list": []string{text, "short"}, "err": errors.New(text), "other": struct{ s string }{text}, text: 1})
		var carried string
		callback.Do(ctx, &callback.Info{Kind: callback.KindChain, Name: text}, nil, func(ctx context.Context) (any, error) {
			carried = baggage.FromContext(ctx).Member("session.id").Value()
			callback.Emit(ctx, callback.Event{Kind: callback.EventCustom, Name: text})
			callback.Do(ctx, &callback.Info{Kind: callback.KindTool, Name: text, Description: text, Input: &callback.ToolCall{ID: text}}, nil,
				func(context.Context) (any, error) { return nil, errors.New(text) })
			req := ask("roses")
			req.Model, req.Stop = text, []string{text}
			collect(ctx, scripted{chunks: []llm.Chunk{{Text: "a"}, {Finish: text, Meta: &llm.Meta{ID: text, Model: text}}}}, req)
			return nil, nil
		})
		limits := map[string]int{"callspan.metadata.text": 2048, "callspan.metadata.err": 2048, "callspan.metadata.other": 2048,
			"exception.message": 2048, "gen_ai.tool.description": 32 << 10}
		spans := r.spans()
		if len(spans) != 3 {
			t.Fatalf("%d spans", len(spans))
		}
		for _, s := range spans {
			all := s.Attributes()
			for _, e := range s.Events() {
				all = append(all, e.Attributes...)
			}
			for _, kv := range all {
				limit := 256
				if l, ok := limits[string(kv.Key)]; ok {
					limit = l
				}
				if v := longest(kv); len(v) > limit || !utf8.ValidString(v) || strings.Contains(v, secret[:4]) {
					t.Errorf("%.40s has %d bytes: %.300q", kv.Key, len(v), v)
				}
				if len(kv.Key) > 300 {
					t.Errorf("a key of %d bytes", len(kv.Key))
				}
			}
			if len(s.Name()) > 300 || !utf8.ValidString(s.Name()) {
				t.Errorf("a name of %d bytes", len(s.Name()))
			}
			for _, key := range []string{"session.id", "user.id"} {
				if v := value(s.Attributes(), key).AsString(); len(v) < 254 || v != carried {
					t.Errorf("%s has %d bytes, the baggage %d", key, len(v), len(carried))
				}
			}
			if got := value(s.Attributes(), "callspan.tags").AsStringSlice(); len(got) != 2 || got[1] != "short" {
				t.Errorf("tags %.300q", got)
			}
		}
	}
}

// TestForeignBounds: the same of what a program without our adapter says in its
// request, with or without content.
func TestForeignBounds(t *testing.T) {
	const secret = "4f9aK2mQx81LzP0wR7tY3uVb"
	for _, text := range []string{"a" + strings.Repeat("玫瑰", 10_000), "\xff rose", strings.Repeat("r", 240) + " sk-proj-" + secret} {
		for path, sent := range map[string]string{
			"/responses":        `{"model":"m","input":"roses","conversation":{"id":"TEXT"},"previous_response_id":"TEXT","tools":[{"type":"TEXT"}]}`,
			"/chat/completions": `{"model":"m","modalities":["TEXT"],"response_format":{"type":"TEXT"},"messages":[]}`,
			"/embeddings":       `{"model":"m","input":"roses","encoding_format":"TEXT"}`,
		} {
			for _, content := range []tracing.Content{tracing.ContentOff, tracing.ContentBoth} {
				r := record(tracing.WithContent(content))
				sc := &scenario{Path: path, Sent: []byte(strings.ReplaceAll(sent, "TEXT", text))}
				sc.post(callback.WithHandlers(t.Context(), r.tracer), answer{200, []byte(`{}`)})
				if len(r.spans()) != 1 {
					t.Fatalf("%d spans", len(r.spans()))
				}
				for _, kv := range r.spans()[0].Attributes() {
					limit := 256
					if kv.Key == "gen_ai.tool.definitions" {
						limit = 600 // type and name
					}
					if v := longest(kv); len(v) > limit || !utf8.ValidString(v) || strings.Contains(v, secret[:4]) {
						t.Errorf("%s, %.10q: %s has %d bytes: %.300q", path, text, kv.Key, len(v), v)
					}
				}
			}
		}
	}
}

// TestManyTags: a span has no more than 128 of them, the outermost first.
func TestManyTags(t *testing.T) {
	r := record()
	tags := make([]string, 1000)
	for i := range tags {
		tags[i] = fmt.Sprint("tag ", i)
	}
	ctx := callback.WithMetadata(callback.WithTags(callback.WithHandlers(t.Context(), r.tracer), tags...), map[string]any{"list": tags})
	callback.Do(ctx, &callback.Info{Kind: callback.KindChain, Name: "x"}, nil, func(context.Context) (any, error) { return nil, nil })
	for _, key := range []string{"callspan.tags", "callspan.metadata.list"} {
		if got := value(r.spans()[0].Attributes(), key).AsStringSlice(); len(got) != 128 || got[127] != "tag 127" {
			t.Errorf("%s: %d", key, len(got))
		}
	}
}
