package tracing

import (
	"encoding/json"
	"fmt"
	"math"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
)

// maxDocuments bounds how many found documents a span names.
const maxDocuments = 128

// describeOutput adds what a run gave besides a model's answer: figures and
// ids, no content.
func describeOutput(a *attrs, kind callback.Kind, res *callback.Result) {
	switch out := res.Output.(type) {
	case *callback.MemoryChange:
		if out == nil || kind != callback.KindMemory {
			return
		}
		a.int(keyMemoryRecords, out.Messages)
		a.int(keyMsgsAfter, out.Messages)
		if out.Tokens >= 0 {
			a.int(keyMemoryAfter, out.Tokens)
		}
	case *llm.EmbedResponse:
		if out == nil || kind != callback.KindEmbedding {
			return
		}
		a.str(keyResponseModel, out.Model)
		if len(out.Vectors) > 0 {
			a.int(keyDimensions, len(out.Vectors[0]))
		}
	case []llm.Document:
		if kind != callback.KindRetriever {
			return
		}
		if res.Err == nil {
			a.int(keyFound, len(out))
		}
		out = out[:min(len(out), maxDocuments)]
		ids, scores := make([]string, len(out)), make([]float64, len(out))
		for i := range out {
			ids[i], scores[i] = out[i].ID, out[i].Score
		}
		a.strs(keyDocumentIDs, ids)
		if len(scores) > 0 {
			a.add(keyScores.Float64Slice(scores))
		}
	}
}

type jsonDocument struct {
	ID    string    `json:"id"`
	Score jsonScore `json:"score"`
}

// A jsonScore is null if it is no finite number, for which JSON has no form.
type jsonScore float64

func (s jsonScore) MarshalJSON() ([]byte, error) {
	if f := float64(s); math.IsNaN(f) || math.IsInf(f, 0) {
		return []byte("null"), nil
	}
	return json.Marshal(float64(s))
}

// describeStepContent adds what tools and retrievers were given and gave.
func (t *Tracer) describeStepContent(a *attrs, info *callback.Info, res *callback.Result) {
	switch in := info.Input.(type) {
	case *callback.ToolCall:
		if in == nil || info.Kind != callback.KindTool {
			return
		}
		a.str(keyToolArguments, t.value(in.Arguments))
		a.str(keyToolResult, t.value(res.Output))
	case *callback.Search:
		if in == nil || info.Kind != callback.KindRetriever {
			return
		}
		a.str(keyQuery, t.text(in.Query))
		if out, ok := res.Output.([]llm.Document); ok && len(out) > 0 {
			docs := make([]jsonDocument, min(len(out), maxDocuments))
			for i := range docs {
				docs[i] = jsonDocument{valid(out[i].ID), jsonScore(out[i].Score)}
			}
			addJSON(a, keyDocuments, docs)
		}
	}
}

// value returns v as it may be recorded: a text as it is, anything else as JSON
// if it has such a form.
func (t *Tracer) value(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return t.text(v)
	case []byte:
		return t.text(string(v))
	}
	if b, err := marshalContained(v); err == nil {
		return t.text(string(b))
	}
	return t.text(fmt.Sprintf("%T", v))
}
