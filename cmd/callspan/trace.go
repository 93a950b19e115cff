package main

import (
	"cmp"
	"encoding/hex"
	"math"
	"slices"
	"sort"
	"time"

	"github.com/callspan/callspan/llm/price"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
)

// A span is a received span with its children, and what a reader wants to know
// of it.
type span struct {
	Name       string        `json:"name"`
	TraceID    string        `json:"trace_id"`
	ID         string        `json:"span_id"`
	Start      time.Time     `json:"start"`
	Duration   time.Duration `json:"duration_ns"`
	FirstToken time.Duration `json:"first_token_ns,omitempty"`
	Usage      *usage        `json:"usage,omitempty"`  // of this span's own call
	Total      *usage        `json:"total,omitempty"`  // of everything below
	Events     int           `json:"events,omitempty"` // token events
	Tokens     int           `json:"chunks,omitempty"` // chunks with their own time in the events
	ErrorType  string        `json:"error_type,omitempty"`
	Error      string        `json:"error,omitempty"`
	Stopped    bool          `json:"stopped,omitempty"`
	Orphan     bool          `json:"parent_missing,omitempty"` // its parent did not arrive
	Children   []*span       `json:"children,omitempty"`

	parent string
}

// usage is tokens and money.
type usage struct {
	Input     int          `json:"input_tokens"`
	Cached    int          `json:"cached_tokens"`
	Output    int          `json:"output_tokens"`
	Cost      *price.Money `json:"cost_usd,omitempty"` // nil if the price is not known
	Calls     int          `json:"calls,omitempty"`
	Failed    int          `json:"failed_calls,omitempty"`
	Estimated bool         `json:"estimated,omitempty"`
}

// trees puts the received spans together, one tree for each root, in the order
// in which they began.
func trees(received []*tracepb.ResourceSpans) []*span {
	byID := map[string]*span{}
	var all []*span
	for _, r := range received {
		for _, sc := range r.ScopeSpans {
			for _, s := range sc.Spans {
				n := newSpan(s)
				byID[n.ID] = n
				all = append(all, n)
			}
		}
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].Start.Before(all[j].Start) })
	var roots []*span
	for _, s := range all {
		if p := byID[s.parent]; p != nil && p != s {
			p.Children = append(p.Children, s)
		} else {
			s.Orphan = s.parent != ""
			roots = append(roots, s)
		}
	}
	return roots
}

func newSpan(s *tracepb.Span) *span {
	a := attributes(s.Attributes)
	start := time.Unix(0, int64(s.StartTimeUnixNano))
	n := &span{
		Name:       s.Name,
		TraceID:    hex.EncodeToString(s.TraceId),
		ID:         hex.EncodeToString(s.SpanId),
		parent:     hex.EncodeToString(s.ParentSpanId),
		Start:      start,
		Duration:   time.Unix(0, int64(s.EndTimeUnixNano)).Sub(start),
		FirstToken: time.Duration(a.float("gen_ai.response.time_to_first_chunk") * float64(time.Second)),
		ErrorType:  a.text("error.type"),
		Stopped:    a["callspan.stopped"].GetBoolValue(),
	}
	if s.Status.GetCode() == tracepb.Status_STATUS_CODE_ERROR {
		n.Error = s.Status.GetMessage()
	}
	if a["gen_ai.usage.input_tokens"] != nil {
		n.Usage = &usage{
			Input: a.int("gen_ai.usage.input_tokens"), Output: a.int("gen_ai.usage.output_tokens"),
			Cached: a.int("gen_ai.usage.cache_read.input_tokens"), Cost: a.money("gen_ai.usage.cost"),
			Estimated: a.text("callspan.usage.source") == "estimated",
		}
	}
	if a["callspan.total.calls"] != nil {
		n.Total = &usage{
			Calls: a.int("callspan.total.calls"), Failed: a.int("callspan.total.failed_calls"),
			Input: a.int("callspan.total.input_tokens"), Output: a.int("callspan.total.output_tokens"),
			Cached: a.int("callspan.total.cache_read_tokens"), Cost: a.money("callspan.total.cost_usd"),
			Estimated: a.int("callspan.total.estimated_calls") > 0,
		}
	}
	for _, e := range s.Events {
		if offsets := attributes(e.Attributes)["callspan.token.offsets_us"].GetArrayValue(); offsets != nil {
			n.Events++
			n.Tokens += len(offsets.Values)
		}
	}
	return n
}

type attrs map[string]*commonpb.AnyValue

func attributes(kvs []*commonpb.KeyValue) attrs {
	m := make(attrs, len(kvs))
	for _, kv := range kvs {
		m[kv.Key] = kv.Value
	}
	return m
}

func (a attrs) int(key string) int       { return int(a[key].GetIntValue()) }
func (a attrs) float(key string) float64 { return a[key].GetDoubleValue() }
func (a attrs) text(key string) string   { return a[key].GetStringValue() }

func (a attrs) money(key string) *price.Money {
	if a[key] == nil {
		return nil
	}
	m := price.Money(math.Round(a.float(key) * 1e12)) // attributes are in USD
	return &m
}

func (s *span) end() time.Time { return s.Start.Add(s.Duration) }

// count returns the number of spans in the trees.
func count(spans []*span) int {
	n := len(spans)
	for _, s := range spans {
		n += count(s.Children)
	}
	return n
}

// orphaned reports whether spans above one of the roots are missing.
func orphaned(roots []*span) bool {
	return slices.ContainsFunc(roots, func(s *span) bool { return s.Orphan })
}

// counted returns the roots without those that the total of another has in it:
// orphans from a time when that one ran.
func counted(roots []*span) []*span {
	return slices.DeleteFunc(slices.Clone(roots), func(s *span) bool {
		return s.Orphan && slices.ContainsFunc(roots, func(r *span) bool {
			return r != s && r.Total != nil && !s.Start.Before(r.Start) && !s.end().After(r.end())
		})
	})
}

// sum returns what the calls in the trees add up to: what their roots say, or the
// spans below where the root says nothing. It is nil if there is no call.
func sum(spans []*span) *usage {
	var all *usage
	for _, s := range spans {
		u := s.Total
		switch {
		case u == nil && s.Usage != nil:
			own := *s.Usage
			own.Calls = 1
			if s.Error != "" {
				own.Failed = 1
			}
			u = &own
		case u == nil:
			u = sum(s.Children)
		}
		all = all.plus(u)
	}
	return all
}

// plus returns the sum of u and v. Its cost is not known if that of a part is not.
func (u *usage) plus(v *usage) *usage {
	if u == nil || v == nil {
		return cmp.Or(u, v)
	}
	w := &usage{Input: u.Input + v.Input, Cached: u.Cached + v.Cached, Output: u.Output + v.Output,
		Calls: u.Calls + v.Calls, Failed: u.Failed + v.Failed, Estimated: u.Estimated || v.Estimated}
	if u.Cost != nil && v.Cost != nil {
		cost := *u.Cost + *v.Cost
		w.Cost = &cost
	}
	return w
}

// tokensIn returns how many tokens have their time in the events of the trees,
// and in how many events.
func tokensIn(spans []*span) (tokens, events int) {
	for _, s := range spans {
		t, e := tokensIn(s.Children)
		tokens, events = tokens+s.Tokens+t, events+s.Events+e
	}
	return tokens, events
}
