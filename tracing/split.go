package tracing

import (
	"strings"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

func countSpans(rs []*tracepb.ResourceSpans) (n int64) {
	for _, r := range rs {
		for _, s := range r.ScopeSpans {
			n += int64(len(s.Spans))
		}
	}
	return n
}

// split divides spans into requests of at most limit encoded bytes. A span that
// is larger by itself is made to fit.
func split(rs []*tracepb.ResourceSpans, limit int) [][]*tracepb.ResourceSpans {
	if size(rs) <= limit {
		return [][]*tracepb.ResourceSpans{rs}
	}
	var out [][]*tracepb.ResourceSpans
	var request []*tracepb.ResourceSpans
	room := limit
	flush := func() {
		if len(request) > 0 {
			out = append(out, request)
			request, room = nil, limit
		}
	}
	for _, r := range rs {
		var res *tracepb.ResourceSpans // r as far as it is in the current request
		head := proto.Size(r.Resource) + len(r.SchemaUrl) + 16
		for _, s := range r.ScopeSpans {
			var scope *tracepb.ScopeSpans
			scopeHead := proto.Size(s.Scope) + len(s.SchemaUrl) + 16
			for _, span := range s.Spans {
				if proto.Size(span)+head+scopeHead > limit {
					shrink(span, limit-head-scopeHead)
				}
				need := proto.Size(span) + 8
				extra := 0
				if res == nil {
					extra += head
				}
				if scope == nil {
					extra += scopeHead
				}
				if need+extra > room && len(request) > 0 {
					flush()
					res, scope = nil, nil
					extra = head + scopeHead
				}
				if res == nil {
					res = &tracepb.ResourceSpans{Resource: r.Resource, SchemaUrl: r.SchemaUrl}
					request = append(request, res)
				}
				if scope == nil {
					scope = &tracepb.ScopeSpans{Scope: s.Scope, SchemaUrl: s.SchemaUrl}
					res.ScopeSpans = append(res.ScopeSpans, scope)
				}
				scope.Spans = append(scope.Spans, span)
				room -= need + extra
			}
		}
	}
	flush()
	return out
}

func size(rs []*tracepb.ResourceSpans) int {
	n := 0
	for _, r := range rs {
		n += proto.Size(r) + 8
	}
	return n
}

// repair makes all text valid UTF-8.
func repair(rs []*tracepb.ResourceSpans) {
	for _, r := range rs {
		r.SchemaUrl = valid(r.SchemaUrl)
		repairAttrs(r.GetResource().GetAttributes())
		for _, s := range r.ScopeSpans {
			s.SchemaUrl = valid(s.SchemaUrl)
			if s.Scope != nil {
				s.Scope.Name, s.Scope.Version = valid(s.Scope.Name), valid(s.Scope.Version)
				repairAttrs(s.Scope.Attributes)
			}
			for _, span := range s.Spans {
				span.Name = valid(span.Name)
				span.TraceState = valid(span.TraceState)
				if span.Status != nil {
					span.Status.Message = valid(span.Status.Message)
				}
				repairAttrs(span.Attributes)
				for _, e := range span.Events {
					e.Name = valid(e.Name)
					repairAttrs(e.Attributes)
				}
				for _, l := range span.Links {
					l.TraceState = valid(l.TraceState)
					repairAttrs(l.Attributes)
				}
			}
		}
	}
}

func repairAttrs(kvs []*commonpb.KeyValue) {
	for _, kv := range kvs {
		kv.Key = valid(kv.Key)
		repairValue(kv.Value)
	}
}

func repairValue(v *commonpb.AnyValue) {
	switch x := v.GetValue().(type) {
	case *commonpb.AnyValue_StringValue:
		x.StringValue = strings.ToValidUTF8(x.StringValue, "\uFFFD")
	case *commonpb.AnyValue_ArrayValue:
		for _, e := range x.ArrayValue.GetValues() {
			repairValue(e)
		}
	case *commonpb.AnyValue_KvlistValue:
		repairAttrs(x.KvlistValue.GetValues())
	}
}

// halve divides a request after so many spans.
func halve(rs []*tracepb.ResourceSpans, first int64) (left, right []*tracepb.ResourceSpans) {
	for _, r := range rs {
		l := &tracepb.ResourceSpans{Resource: r.Resource, SchemaUrl: r.SchemaUrl}
		rest := &tracepb.ResourceSpans{Resource: r.Resource, SchemaUrl: r.SchemaUrl}
		for _, s := range r.ScopeSpans {
			k := min(int64(len(s.Spans)), first)
			first -= k
			if k > 0 {
				l.ScopeSpans = append(l.ScopeSpans, &tracepb.ScopeSpans{Scope: s.Scope, SchemaUrl: s.SchemaUrl, Spans: s.Spans[:k]})
			}
			if k < int64(len(s.Spans)) {
				rest.ScopeSpans = append(rest.ScopeSpans, &tracepb.ScopeSpans{Scope: s.Scope, SchemaUrl: s.SchemaUrl, Spans: s.Spans[k:]})
			}
		}
		if len(l.ScopeSpans) > 0 {
			left = append(left, l)
		}
		if len(rest.ScopeSpans) > 0 {
			right = append(right, rest)
		}
	}
	return left, right
}

// A queue is the batch processor before a client, which drops in silence.
type queue struct {
	ended    *endCounter
	capacity int64 // spans that may be on their way: the queue and a batch
	reported int64
}
