package tracing

import (
	"strings"
	"testing"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
)

// TestShrinkAddsUp: what an oversize span loses is added to what the limits of
// content left out before.
func TestShrinkAddsUp(t *testing.T) {
	already := &commonpb.KeyValue{Key: string(keyContentCut), Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: 100}}}
	s := &tracepb.Span{Attributes: []*commonpb.KeyValue{already, str("note", strings.Repeat("x", 10000))}}
	shrink(s, 5000)
	if len(s.Attributes) != 2 || already.Value.GetIntValue() != 100+10000-4096 {
		t.Errorf("%d attributes, %v", len(s.Attributes), already)
	}
}
