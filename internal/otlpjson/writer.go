package otlpjson

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"sync"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
)

// A Writer writes export requests, one line each, with one call of Write per
// line. Its methods may be called concurrently.
type Writer struct {
	mu sync.Mutex
	w  io.Writer
}

// NewWriter returns a Writer to w.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// WriteTraces writes one line of spans.
func (w *Writer) WriteTraces(spans []*tracepb.ResourceSpans) error {
	return w.write(&tracepb.TracesData{ResourceSpans: spans})
}

// WriteMetrics writes one line of metrics.
func (w *Writer) WriteMetrics(metrics []*metricspb.ResourceMetrics) error {
	return w.write(&metricspb.MetricsData{ResourceMetrics: metrics})
}

func (w *Writer) write(m proto.Message) error {
	line, err := marshal(m)
	if err != nil {
		return fmt.Errorf("write OTLP JSON: %w", err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, err := w.w.Write(line); err != nil {
		return fmt.Errorf("write OTLP JSON: %w", err)
	}
	return nil
}

// marshal returns m as a line. m is not changed.
func marshal(m proto.Message) ([]byte, error) {
	m = proto.Clone(m)
	if err := eachID(m.ProtoReflect(), idToHex); err != nil {
		return nil, err
	}
	loose, err := protojson.MarshalOptions{UseEnumNumbers: true}.Marshal(m)
	if err != nil {
		return nil, err
	}
	var line bytes.Buffer
	if err := json.Compact(&line, loose); err != nil { // protojson varies its spaces on purpose
		return nil, err
	}
	line.WriteByte('\n')
	return escapeSeparators(line.Bytes()), nil
}

// escapeSeparators escapes the runes that some readers of lines take for the
// end of one. In JSON they occur in strings only.
func escapeSeparators(b []byte) []byte {
	for r, esc := range map[string]string{"\u0085": `\u0085`, "\u2028": `\u2028`, "\u2029": `\u2029`} {
		b = bytes.ReplaceAll(b, []byte(r), []byte(esc))
	}
	return b
}
