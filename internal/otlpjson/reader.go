package otlpjson

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
)

// Read reads lines of OTLP JSON to their end. On failure it returns what came
// before, and an error that names the line.
func Read(r io.Reader) (*Data, error) {
	all := &Data{}
	for d, err := range Lines(r) {
		if err != nil {
			return all, err
		}
		all.Traces = append(all.Traces, d.Traces...)
		all.Metrics = append(all.Metrics, d.Metrics...)
	}
	return all, nil
}

// Lines returns what each line of OTLP JSON holds. Blank lines are skipped,
// lines of logs and fields that OTLP does not know are passed over. The first
// error is the last item.
func Lines(r io.Reader) iter.Seq2[*Data, error] {
	return func(yield func(*Data, error) bool) {
		lines := bufio.NewReader(r)
		for n := 1; ; n++ {
			line, readErr := lines.ReadBytes('\n')
			if line = bytes.TrimSpace(line); len(line) > 0 {
				d, err := unmarshal(line)
				if err != nil {
					yield(nil, fmt.Errorf("read OTLP JSON: line %d: %w", n, err))
					return
				}
				if !yield(d, nil) {
					return
				}
			}
			if readErr == io.EOF {
				return
			}
			if readErr != nil {
				yield(nil, fmt.Errorf("read OTLP JSON: line %d: %w", n, readErr))
				return
			}
		}
	}
}

func unmarshal(line []byte) (*Data, error) {
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(line, &keys); err != nil {
		if _, ok := errors.AsType[*json.SyntaxError](err); ok {
			return nil, fmt.Errorf("not JSON: %w", err)
		}
		return nil, errors.New("not a JSON object")
	}
	d := &Data{}
	if keys["resourceSpans"] != nil {
		var m tracepb.TracesData
		if err := decode(line, &m); err != nil {
			return nil, err
		}
		d.Traces = m.GetResourceSpans()
	}
	if keys["resourceMetrics"] != nil {
		var m metricspb.MetricsData
		if err := decode(line, &m); err != nil {
			return nil, err
		}
		d.Metrics = m.GetResourceMetrics()
	}
	if len(keys) > 0 && keys["resourceSpans"] == nil && keys["resourceMetrics"] == nil && keys["resourceLogs"] == nil {
		return nil, errors.New("neither resourceSpans nor resourceMetrics")
	}
	return d, nil
}

func decode(line []byte, m proto.Message) error {
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(line, m); err != nil {
		return err
	}
	return eachID(m.ProtoReflect(), hexToID)
}
