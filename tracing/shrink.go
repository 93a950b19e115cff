package tracing

import (
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// shrink makes a span fit into limit encoded bytes: it cuts the texts of its
// attributes and events, the longest first, and if that is not enough it takes
// events from the end and then attributes, which the span says in its counts of
// what was dropped. How many bytes of text went is in callspan.content_cut.
func shrink(span *tracepb.Span, limit int) {
	limit -= 64 // for the attribute and the counts that are added
	total := 0
	for longest := 64 << 10; longest >= 256 && proto.Size(span) > limit; longest /= 4 {
		total += cutTexts(span, longest)
	}
	for n := len(span.Events); n > 0 && proto.Size(span) > limit; n = len(span.Events) {
		span.DroppedEventsCount += uint32(n - n/2)
		span.Events = span.Events[:n/2]
	}
	for n := len(span.Attributes); n > 0 && proto.Size(span) > limit; n = len(span.Attributes) {
		span.DroppedAttributesCount += uint32(n - n/2)
		span.Attributes = span.Attributes[:n/2]
	}
	if proto.Size(span) > limit {
		span.DroppedLinksCount += uint32(len(span.Links))
		span.Links = nil
	}
	if total > 0 {
		for _, kv := range span.Attributes {
			if v, ok := kv.GetValue().GetValue().(*commonpb.AnyValue_IntValue); ok && kv.Key == string(keyContentCut) {
				v.IntValue += int64(total)
				return
			}
		}
		span.Attributes = append(span.Attributes, &commonpb.KeyValue{Key: string(keyContentCut),
			Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: int64(total)}}})
	}
}

// cutTexts cuts every text of the span to longest bytes and returns how many
// bytes went. A text that is JSON is taken out whole: a part of it could not be
// read.
func cutTexts(span *tracepb.Span, longest int) (n int) {
	n = cutString(&span.Name, longest)
	if span.Status != nil {
		n += cutString(&span.Status.Message, longest)
	}
	n += cutString(&span.TraceState, longest)
	n += cutAttrs(span.Attributes, longest)
	for _, e := range span.Events {
		n += cutString(&e.Name, longest) + cutAttrs(e.Attributes, longest)
	}
	for _, l := range span.Links {
		n += cutAttrs(l.Attributes, longest)
	}
	return n
}

func cutAttrs(kvs []*commonpb.KeyValue, longest int) (n int) {
	for _, kv := range kvs {
		n += cutString(&kv.Key, longest) + cutValue(kv.Value, longest)
	}
	return n
}

func cutValue(v *commonpb.AnyValue, longest int) (n int) {
	switch x := v.GetValue().(type) {
	case *commonpb.AnyValue_StringValue:
		if len(x.StringValue) > longest && (x.StringValue[0] == '[' || x.StringValue[0] == '{') {
			n = len(x.StringValue) - 2
			x.StringValue = string(x.StringValue[0]) + string(x.StringValue[0]+2) // "[]" or "{}"
			return n
		}
		return cutString(&x.StringValue, longest)
	case *commonpb.AnyValue_BytesValue:
		if n = len(x.BytesValue) - longest; n > 0 {
			x.BytesValue = x.BytesValue[:longest]
			return n
		}
		return 0
	case *commonpb.AnyValue_ArrayValue:
		for _, e := range x.ArrayValue.GetValues() {
			n += cutValue(e, longest)
		}
		if over := len(x.ArrayValue.GetValues()) - longest; over > 0 {
			x.ArrayValue.Values = x.ArrayValue.Values[:longest]
			n += over
		}
	case *commonpb.AnyValue_KvlistValue:
		n = cutAttrs(x.KvlistValue.GetValues(), longest)
	}
	return n
}

func cutString(s *string, longest int) int {
	short := cut(*s, longest)
	n := len(*s) - len(short)
	*s = short
	return n
}
