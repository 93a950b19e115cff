package spantree

import (
	"encoding/hex"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/callspan/callspan/internal/otlpjson"
)

// A Span is what a tree shows of a span, wherever it comes from.
type Span struct {
	Name   string
	Kind   string // "internal", "server", "client", "producer", "consumer", "" if unspecified
	Status string // "", "ok" or "error"
	Reason string // the description of the status
	Attrs  map[string]any
	Events []Event
	Links  []map[string]any // the attributes of each

	dropped    map[string]int // events, attributes and links that the span lost
	id, parent string         // trace id and span id; parent is "" for a root
	trace      string
	start      int64 // Unix nanoseconds
}

// An Event is an event of a [Span].
type Event struct {
	Name  string
	Attrs map[string]any
}

// FromSDK returns the spans that the SDK ended. Stubs become such spans by
// their method Snapshots.
func FromSDK(spans []sdktrace.ReadOnlySpan) []Span {
	out := make([]Span, len(spans))
	for i, s := range spans {
		sc := s.SpanContext()
		n := Span{Name: s.Name(), Kind: s.SpanKind().String(), Reason: s.Status().Description, Attrs: fromSDK(s.Attributes()),
			dropped: map[string]int{"events": s.DroppedEvents(), "attributes": s.DroppedAttributes(), "links": s.DroppedLinks()},
			trace:   sc.TraceID().String(), id: sc.TraceID().String() + sc.SpanID().String(), start: s.StartTime().UnixNano()}
		switch s.Status().Code {
		case codes.Ok:
			n.Status = "ok"
		case codes.Error:
			n.Status = "error"
		}
		if p := s.Parent(); p.SpanID().IsValid() {
			n.parent = p.TraceID().String() + p.SpanID().String()
		}
		for _, e := range s.Events() {
			n.Events = append(n.Events, Event{Name: e.Name, Attrs: fromSDK(e.Attributes)})
		}
		for _, l := range s.Links() {
			n.Links = append(n.Links, fromSDK(l.Attributes))
		}
		out[i] = n
	}
	return out
}

func fromSDK(kvs []attribute.KeyValue) map[string]any {
	out := make(map[string]any, len(kvs))
	for _, kv := range kvs {
		out[string(kv.Key)] = fromValue(kv.Value)
	}
	return out
}

// fromValue returns v in the types of [otlpjson.Value].
func fromValue(v attribute.Value) any {
	switch v.Type() {
	case attribute.BOOLSLICE:
		return list(v.AsBoolSlice())
	case attribute.INT64SLICE:
		return list(v.AsInt64Slice())
	case attribute.FLOAT64SLICE:
		return list(v.AsFloat64Slice())
	case attribute.STRINGSLICE:
		return list(v.AsStringSlice())
	case attribute.SLICE:
		out := make([]any, len(v.AsSlice()))
		for i, e := range v.AsSlice() {
			out[i] = fromValue(e)
		}
		return out
	case attribute.MAP:
		return fromSDK(v.AsMap())
	}
	return v.AsInterface()
}

func list[T any](in []T) []any {
	out := make([]any, len(in))
	for i, v := range in {
		out[i] = v
	}
	return out
}

// FromOTLP returns spans that were exported.
func FromOTLP(spans []otlpjson.Span) []Span {
	out := make([]Span, len(spans))
	for i, s := range spans {
		trace := hex.EncodeToString(s.GetTraceId())
		n := Span{Name: s.GetName(), Kind: kind(s.GetKind()), Reason: s.GetStatus().GetMessage(), Attrs: otlpjson.Attrs(s.GetAttributes()),
			dropped: map[string]int{"events": int(s.GetDroppedEventsCount()), "attributes": int(s.GetDroppedAttributesCount()), "links": int(s.GetDroppedLinksCount())},
			trace:   trace, id: trace + hex.EncodeToString(s.GetSpanId()), start: int64(s.GetStartTimeUnixNano())}
		switch s.GetStatus().GetCode() {
		case tracepb.Status_STATUS_CODE_OK:
			n.Status = "ok"
		case tracepb.Status_STATUS_CODE_ERROR:
			n.Status = "error"
		}
		if p := s.GetParentSpanId(); len(p) > 0 {
			n.parent = trace + hex.EncodeToString(p)
		}
		for _, e := range s.GetEvents() {
			n.Events = append(n.Events, Event{Name: e.GetName(), Attrs: otlpjson.Attrs(e.GetAttributes())})
		}
		for _, l := range s.GetLinks() {
			n.Links = append(n.Links, otlpjson.Attrs(l.GetAttributes()))
		}
		out[i] = n
	}
	return out
}

func kind(k tracepb.Span_SpanKind) string {
	switch k {
	case tracepb.Span_SPAN_KIND_INTERNAL:
		return "internal"
	case tracepb.Span_SPAN_KIND_SERVER:
		return "server"
	case tracepb.Span_SPAN_KIND_CLIENT:
		return "client"
	case tracepb.Span_SPAN_KIND_PRODUCER:
		return "producer"
	case tracepb.Span_SPAN_KIND_CONSUMER:
		return "consumer"
	}
	return ""
}
