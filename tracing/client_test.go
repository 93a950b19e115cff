package tracing

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
)

// strict is a client that refuses what a real receiver refuses: requests above
// 4 MiB and text that is not UTF-8. Now and then it refuses for no reason.
type strict struct {
	mu   sync.Mutex
	rng  *rand.Rand
	got  map[string]int // by span id
	bad  float64        // of the requests that are refused for good
	busy float64        // that are refused for now
}

func (s *strict) Start(context.Context) error { return nil }
func (s *strict) Stop(context.Context) error  { return nil }

func (s *strict) UploadTraces(_ context.Context, rs []*tracepb.ResourceSpans) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch r := s.rng.Float64(); {
	case r < s.bad:
		return status.Error(codes.InvalidArgument, "no")
	case r < s.bad+s.busy:
		return status.Error(codes.Unavailable, "not now")
	}
	data, err := proto.Marshal(&tracepb.TracesData{ResourceSpans: rs})
	if err != nil {
		return status.Error(codes.Internal, err.Error()) // such as text that is not UTF-8
	}
	if len(data) > 4<<20 {
		return status.Error(codes.ResourceExhausted, "message larger than max")
	}
	for _, r := range rs {
		for _, sc := range r.ScopeSpans {
			for _, sp := range sc.Spans {
				s.got[string(sp.SpanId)]++
			}
		}
	}
	return nil
}

// text returns a random text of about n bytes, sometimes broken.
func text(rng *rand.Rand, n int) string {
	s := strings.Repeat([]string{"rose ", "玫瑰", "🌹", `{"a":[1]}`}[rng.IntN(4)], n/4+1)[:n]
	if rng.IntN(3) > 0 {
		s = strings.ToValidUTF8(s, "")
	}
	return s
}

func str(k, v string) *commonpb.KeyValue {
	return &commonpb.KeyValue{Key: k, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: v}}}
}

func randomSpan(rng *rand.Rand, id int) *tracepb.Span {
	s := &tracepb.Span{TraceId: []byte("0123456789abcdef"), SpanId: []byte(fmt.Sprintf("%08d", id)), Name: text(rng, rng.IntN(50))}
	size := 0
	switch rng.IntN(20) {
	case 0:
		size = rng.IntN(8 << 20)
	case 1, 2:
		size = rng.IntN(1 << 20)
	default:
		size = rng.IntN(2000)
	}
	for n := rng.IntN(6); n >= 0; n-- {
		s.Attributes = append(s.Attributes, str(fmt.Sprint("k", n), text(rng, size/(n+1))))
	}
	events := 0
	if rng.IntN(20) == 0 {
		events = rng.IntN(20_000)
	}
	for i := range events {
		s.Events = append(s.Events, &tracepb.Span_Event{Name: "token", TimeUnixNano: uint64(i), Attributes: []*commonpb.KeyValue{str("t", text(rng, rng.IntN(400)))}})
	}
	return s
}

// TestClientProperty: whatever the spans are like, each arrives exactly once or
// is counted as lost, and one that is broken or too large takes no other down.
func TestClientProperty(t *testing.T) {
	for seed := range uint64(12) {
		synctest.Test(t, func(t *testing.T) { property(t, seed) }) // its waits take no time
	}
}

func property(t *testing.T, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 7))
	next := &strict{rng: rng, got: map[string]int{}}
	if seed%3 == 1 {
		next.busy = 0.3
	}
	if seed%3 == 2 {
		next.bad = 0.3
	}
	var reports int
	c := NewClient(next, WithErrorHandler(func(error) { reports++ }))
	var total int64
	for range 4 {
		var rs []*tracepb.ResourceSpans
		for range rng.IntN(3) + 1 {
			r := &tracepb.ResourceSpans{Resource: &resourcepb.Resource{Attributes: []*commonpb.KeyValue{str("service.name", text(rng, 20))}}}
			for range rng.IntN(3) + 1 {
				sc := &tracepb.ScopeSpans{Scope: &commonpb.InstrumentationScope{Name: "s"}}
				for range rng.IntN(20) {
					sc.Spans = append(sc.Spans, randomSpan(rng, int(total)))
					total++
				}
				r.ScopeSpans = append(r.ScopeSpans, sc)
			}
			rs = append(rs, r)
		}
		if err := c.UploadTraces(t.Context(), rs); err != nil {
			t.Fatal(err)
		}
	}
	if c.Arrived() != int64(len(next.got)) || c.Arrived()+c.Lost() != total {
		t.Fatalf("seed %d: %d arrived, counted %d and %d lost of %d", seed, len(next.got), c.Arrived(), c.Lost(), total)
	}
	for id, n := range next.got {
		if n != 1 {
			t.Fatalf("seed %d: span %s arrived %d times", seed, id, n)
		}
	}
	if next.bad == 0 && c.Lost() > 0 {
		t.Fatalf("seed %d: %d lost", seed, c.Lost())
	}
	if reports > 1 || c.Lost() > 0 && reports == 0 {
		t.Fatalf("seed %d: reported %d times", seed, reports)
	}
	c.Stop(t.Context())
}

// picky is a client that refuses requests with a certain span in them.
type picky struct {
	strict
	bad  map[string]bool
	all  bool
	code codes.Code
	n    int
}

func (p *picky) UploadTraces(ctx context.Context, rs []*tracepb.ResourceSpans) error {
	p.n++
	for _, r := range rs {
		for _, sc := range r.ScopeSpans {
			for _, sp := range sc.Spans {
				if p.all || p.bad[string(sp.SpanId)] {
					return status.Error(p.code, "bad span")
				}
			}
		}
	}
	return p.strict.UploadTraces(ctx, rs)
}

// TestBadSpanLosesItselfAlone: the others of its request arrive. A receiver that
// refuses everything, or refuses us, is not asked for every span.
func TestBadSpanLosesItselfAlone(t *testing.T) {
	const total = 300
	tenth := map[string]bool{}
	for i := 0; i < total; i += 10 {
		tenth[fmt.Sprintf("%08d", i)] = true
	}
	for _, tc := range []struct {
		name     string
		bad      map[string]bool
		all      bool
		code     codes.Code
		lost     int64
		requests int
	}{
		{"one", map[string]bool{"00000123": true}, false, codes.InvalidArgument, 1, 25},
		{"two", map[string]bool{"00000000": true, "00000299": true}, false, codes.Internal, 2, 45},
		{"every tenth", tenth, false, codes.InvalidArgument, 30, 2 * total},
		{"everything", nil, true, codes.InvalidArgument, total, 2*maxRefusals + 1},
		{"not us", nil, true, codes.PermissionDenied, total, 1},
	} {
		next := &picky{strict: strict{rng: rand.New(rand.NewPCG(1, 1)), got: map[string]int{}}, bad: tc.bad, all: tc.all, code: tc.code}
		reports := 0
		c := NewClient(next, WithErrorHandler(func(error) { reports++ }))
		var rs []*tracepb.ResourceSpans
		for i := range 3 {
			sc := &tracepb.ScopeSpans{}
			for j := range 100 {
				sc.Spans = append(sc.Spans, &tracepb.Span{SpanId: []byte(fmt.Sprintf("%08d", 100*i+j))})
			}
			rs = append(rs, &tracepb.ResourceSpans{ScopeSpans: []*tracepb.ScopeSpans{sc}})
		}
		c.UploadTraces(t.Context(), rs)
		if c.Lost() != tc.lost || c.Arrived() != total-tc.lost || len(next.got) != int(total-tc.lost) || next.n > tc.requests || reports != 1 {
			t.Errorf("%s: %d lost, %d arrived (%d there) in %d requests, %d reports", tc.name, c.Lost(), c.Arrived(), len(next.got), next.n, reports)
		}
		c.Stop(t.Context())
	}
}

// TestShrink: a span that is too large fits afterwards, says what it lost, and
// its JSON can still be read.
func TestShrink(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		s := randomSpan(rng, 1)
		s.Attributes = append(s.Attributes, str("gen_ai.input.messages", `[{"role":"user","parts":["`+strings.Repeat("x", rng.IntN(1<<20))+`"]}]`))
		repair([]*tracepb.ResourceSpans{{ScopeSpans: []*tracepb.ScopeSpans{{Spans: []*tracepb.Span{s}}}}})
		before, events := proto.Size(s), len(s.Events)
		limit := 2000 + rng.IntN(1<<20)
		if before <= limit {
			continue
		}
		shrink(s, limit)
		if got := proto.Size(s); got > limit {
			t.Fatalf("%d bytes, limit %d", got, limit)
		}
		if events != len(s.Events)+int(s.DroppedEventsCount) {
			t.Fatalf("%d events became %d and %d dropped", events, len(s.Events), s.DroppedEventsCount)
		}
		for _, kv := range s.Attributes {
			v := kv.Value.GetStringValue()
			if !utf8.ValidString(v) || kv.Key == "gen_ai.input.messages" && !strings.HasSuffix(v, "]") {
				t.Fatalf("%s = %.40q", kv.Key, v)
			}
		}
	}
}

// asksForDelay refuses once and says how long to wait.
type asksForDelay struct {
	strict
	times []time.Time
}

func (a *asksForDelay) UploadTraces(ctx context.Context, rs []*tracepb.ResourceSpans) error {
	a.times = append(a.times, time.Now())
	if len(a.times) > 1 {
		return a.strict.UploadTraces(ctx, rs)
	}
	s, err := status.New(codes.ResourceExhausted, "later").WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(7 * time.Second)})
	if err != nil {
		return err
	}
	return s.Err()
}

// TestDelayOfReceiver: a receiver over gRPC that says how long to wait is obeyed.
func TestDelayOfReceiver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		next := &asksForDelay{strict: strict{rng: rand.New(rand.NewPCG(1, 1)), got: map[string]int{}}}
		c := NewClient(next, WithErrorHandler(func(error) {}))
		c.UploadTraces(t.Context(), []*tracepb.ResourceSpans{{ScopeSpans: []*tracepb.ScopeSpans{{Spans: []*tracepb.Span{{SpanId: []byte("1")}}}}}})
		c.Stop(t.Context())
		if c.Arrived() != 1 || len(next.times) != 2 || next.times[1].Sub(next.times[0]) != 7*time.Second {
			t.Errorf("%d arrived, attempts at %v", c.Arrived(), next.times)
		}
	})
}

// TestStopEndsTries: a client that is stopped does not go on trying.
func TestStopEndsTries(t *testing.T) {
	c := NewClient(&strict{rng: rand.New(rand.NewPCG(1, 1)), got: map[string]int{}, busy: 1}, WithErrorHandler(func(error) {}))
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.UploadTraces(context.Background(), []*tracepb.ResourceSpans{{ScopeSpans: []*tracepb.ScopeSpans{{Spans: []*tracepb.Span{{SpanId: []byte("1")}}}}}})
	}()
	if err := c.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	<-done
	if c.Lost() != 1 {
		t.Errorf("%d lost", c.Lost())
	}
	if err := c.Stop(t.Context()); err != nil {
		t.Errorf("second stop: %v", err)
	}
}

func TestPartial(t *testing.T) {
	for _, tc := range []struct {
		err  error
		n    int64
		why  string
		want bool
	}{
		{nil, 0, "", false},
		{errors.New("x"), 0, "", false},
		{errors.Join(errors.New("OTLP partial success: too old (7 spans rejected)"), nil), 7, "too old", true},
		{errors.New("traces export: OTLP partial success: empty message (0 spans rejected)"), 0, "empty message", true},
	} {
		if n, why, ok := partial(tc.err); n != tc.n || why != tc.why || ok != tc.want {
			t.Errorf("%v: %d %q %v", tc.err, n, why, ok)
		}
	}
}

// BenchmarkGuard is what the guard adds to a request of 100 spans with 96
// events each, off the caller's path.
func BenchmarkGuard(b *testing.B) {
	var rs []*tracepb.ResourceSpans
	sc := &tracepb.ScopeSpans{Scope: &commonpb.InstrumentationScope{Name: "s"}}
	for i := range 100 {
		s := &tracepb.Span{SpanId: []byte(fmt.Sprintf("%08d", i)), Name: "chat gpt-4o-mini"}
		for range 30 {
			s.Attributes = append(s.Attributes, str("gen_ai.request.model", "gpt-4o-mini"))
		}
		for j := range 96 {
			s.Events = append(s.Events, &tracepb.Span_Event{Name: "token", TimeUnixNano: uint64(j), Attributes: []*commonpb.KeyValue{
				{Key: "callspan.token.index", Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: int64(j)}}},
				{Key: "callspan.token.offsets_us", Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_ArrayValue{ArrayValue: &commonpb.ArrayValue{
					Values: []*commonpb.AnyValue{{Value: &commonpb.AnyValue_IntValue{IntValue: 1000}}}}}}}}})
		}
		sc.Spans = append(sc.Spans, s)
	}
	rs = append(rs, &tracepb.ResourceSpans{ScopeSpans: []*tracepb.ScopeSpans{sc}})
	c := NewClient(taker{})
	b.ReportAllocs()
	for b.Loop() {
		c.UploadTraces(context.Background(), rs)
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/100, "µs/span")
}

type taker struct{}

func (taker) Start(context.Context) error                                  { return nil }
func (taker) Stop(context.Context) error                                   { return nil }
func (taker) UploadTraces(context.Context, []*tracepb.ResourceSpans) error { return nil }
