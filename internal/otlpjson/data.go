package otlpjson

import (
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
)

// Data is telemetry as it was exported.
type Data struct {
	Traces  []*tracepb.ResourceSpans
	Metrics []*metricspb.ResourceMetrics
}

// A Span is a span with where it comes from.
type Span struct {
	*tracepb.Span
	Resource *resourcepb.Resource
	Scope    *commonpb.InstrumentationScope
}

// Spans returns the spans of d in the order in which they arrived.
func (d *Data) Spans() []Span {
	var out []Span
	for _, r := range d.Traces {
		for _, s := range r.GetScopeSpans() {
			for _, span := range s.GetSpans() {
				out = append(out, Span{Span: span, Resource: r.GetResource(), Scope: s.GetScope()})
			}
		}
	}
	return out
}

// A Metric is a metric with where it comes from.
type Metric struct {
	*metricspb.Metric
	Resource *resourcepb.Resource
	Scope    *commonpb.InstrumentationScope
}

// AllMetrics returns the metrics of d in the order in which they arrived. A
// metric is there once for each time it was exported.
func (d *Data) AllMetrics() []Metric {
	var out []Metric
	for _, r := range d.Metrics {
		for _, s := range r.GetScopeMetrics() {
			for _, m := range s.GetMetrics() {
				out = append(out, Metric{Metric: m, Resource: r.GetResource(), Scope: s.GetScope()})
			}
		}
	}
	return out
}

// Attrs returns attributes by key.
func Attrs(kvs []*commonpb.KeyValue) map[string]any {
	out := make(map[string]any, len(kvs))
	for _, kv := range kvs {
		out[kv.GetKey()] = Value(kv.GetValue())
	}
	return out
}

// Value returns v as a string, bool, int64, float64, []byte, []any or
// map[string]any, nil if it is empty.
func Value(v *commonpb.AnyValue) any {
	switch v := v.GetValue().(type) {
	case *commonpb.AnyValue_StringValue:
		return v.StringValue
	case *commonpb.AnyValue_BoolValue:
		return v.BoolValue
	case *commonpb.AnyValue_IntValue:
		return v.IntValue
	case *commonpb.AnyValue_DoubleValue:
		return v.DoubleValue
	case *commonpb.AnyValue_BytesValue:
		return v.BytesValue
	case *commonpb.AnyValue_ArrayValue:
		out := make([]any, len(v.ArrayValue.GetValues()))
		for i, e := range v.ArrayValue.GetValues() {
			out[i] = Value(e)
		}
		return out
	case *commonpb.AnyValue_KvlistValue:
		return Attrs(v.KvlistValue.GetValues())
	}
	return nil
}
