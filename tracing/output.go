package tracing

import (
	"bytes"
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
func describeOutput(a *attrs, info *callback.Info, res *callback.Result) {
	kind := info.Kind
	switch out := res.Output.(type) {
	case *callback.MemoryChange:
		if out == nil || kind != callback.KindMemory {
			return
		}
		if operationOf(info) == opMemorySearch {
			a.positive(keyMemoryRecords, out.Records)
		} // else it was known at the start
		if out.Messages >= 0 {
			a.int(keyMsgsAfter, out.Messages)
		}
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
			ids[i], scores[i] = documentID(&out[i]), out[i].Score
		}
		a.strs(keyDocumentIDs, ids, maxWord)
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

// describeDocuments adds which documents were found, as the conventions have
// them.
func describeDocuments(a *attrs, output any) {
	out, ok := output.([]llm.Document)
	if !ok || len(out) == 0 {
		return
	}
	docs := make([]jsonDocument, min(len(out), maxDocuments))
	for i := range docs {
		docs[i] = jsonDocument{documentID(&out[i]), jsonScore(out[i].Score)}
	}
	if b, err := json.Marshal(docs); err == nil {
		a.add(keyDocuments.String(string(b)))
	}
}

// documentID returns the id of d as spans show it.
func documentID(d *llm.Document) string { return bounded(d.ID, maxWord) }

// value returns v as it may be recorded: a text as it is, anything else as JSON
// if it has such a form.
func (r *recorder) value(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return r.text(v)
	case []byte:
		return r.text(string(v))
	}
	if b, err := marshalContained(v); err == nil {
		return r.text(string(b))
	}
	return r.text(fmt.Sprintf("%T", v))
}

// marshalContained encodes a value of the user's, whose methods may panic.
func marshalContained(v any) (_ []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("encode %T: panic: %v", v, p)
		}
	}()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // for readers and redactors
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
