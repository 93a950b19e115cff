package tracing

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// A Client is an OTLP trace client that loses nothing without counting it.
//
//   - A request is kept below the 4 MiB that gRPC receivers accept. A single
//     span above that has its longest texts cut, and is then sent.
//   - Text that is not UTF-8, for which a receiver refuses the whole request, is
//     repaired.
//   - A request that is refused for what is in it is divided, so that a bad span
//     loses itself alone.
//   - A request that fails for now is tried again until its context ends, after
//     the delay that the receiver asks for.
//   - What is lost all the same is counted, and reported at most once a minute.
//
// [Setup] uses it. A program with its own provider wraps its client:
//
//	client := tracing.NewClient(otlptracegrpc.NewClient(otlptracegrpc.WithRetry(otlptracegrpc.RetryConfig{})))
//	exporter, err := otlptrace.New(ctx, client)
//
// Its methods may be called concurrently.
type Client struct {
	next     otlptrace.Client
	delivery *delivery
	arrived  atomic.Int64
	lost     atomic.Int64
	why      atomic.Value  // the error for which the receiver refused spans last
	own      bool          // the delivery is this client's alone
	queue    *queue        // what comes before, if it is known
	stopped  chan struct{} // closed when the client is
	stop     sync.Once
}

var _ otlptrace.Client = (*Client)(nil)

// NewClient wraps next, whose own retries should be off, since Client does not
// see them. Of the options it uses [WithErrorHandler], and [WithEndpoint] as
// the name of the receiver in reports.
func NewClient(next otlptrace.Client, opts ...Option) *Client {
	c := newConfig(opts)
	name := "the receiver"
	if len(c.endpoints) > 0 {
		name = c.endpoints[0]
	}
	return &Client{next: next, own: true, delivery: newDelivery(context.Background(), name, c.report), stopped: make(chan struct{})}
}

// Arrived returns how many spans a receiver has confirmed.
func (c *Client) Arrived() int64 { return c.arrived.Load() }

// Lost returns how many spans were given up.
func (c *Client) Lost() int64 { return c.lost.Load() }

// Start implements [otlptrace.Client].
func (c *Client) Start(ctx context.Context) error { return c.next.Start(ctx) }

// Stop ends what is being tried and stops the client.
func (c *Client) Stop(ctx context.Context) error {
	err := c.next.Stop(ctx)
	c.stop.Do(func() {
		if c.own {
			c.delivery.end()
		}
		close(c.stopped)
	})
	return err
}

// UploadTraces sends spans. It does not return failures of single requests:
// they are counted and reported, and the processor would only log them again.
func (c *Client) UploadTraces(ctx context.Context, spans []*tracepb.ResourceSpans) error {
	repair(spans)
	refusals := maxRefusals
	for _, request := range split(spans, maxRequest) {
		c.send(ctx, request, &refusals)
	}
	c.reportQueue()
	return nil
}

// maxRefusals bounds how often in a row a receiver may refuse parts of an upload
// that is divided in search of bad spans. One that refuses everything is not
// asked for each span.
const maxRefusals = 40

// send sends one request. One that the receiver refuses for what is in it is
// divided, so that a bad span loses itself alone.
func (c *Client) send(ctx context.Context, request []*tracepb.ResourceSpans, refusals *int) {
	n := countSpans(request)
	var refused int64
	var seen note
	err := c.delivery.try(ctx, sendTraces, func(ctx context.Context) error {
		err := c.next.UploadTraces(ctx, request)
		if k, why, ok := partial(err); ok {
			// The request was taken; what was not taken of it never will be.
			if refused = min(k, n); k > 0 {
				c.why.Store(fmt.Errorf("refused by the receiver: %s", why))
			}
			return nil
		}
		if v, ok := ctx.Value(noteKey{}).(*note); ok {
			seen = *v
		}
		return err
	})
	switch {
	case err != nil && n > 1 && *refusals > 0 && refusesContent(err, &seen):
		*refusals--
		left, right := halve(request, n/2)
		c.send(ctx, left, refusals)
		c.send(ctx, right, refusals)
		return
	case err != nil:
		refused = n
		c.why.Store(fmt.Errorf("refused by the receiver: %s", reason(err)))
	case refused > 0:
		c.delivery.failed(sendTraces, fmt.Errorf("%d of %d spans: %w", refused, n, c.why.Load().(error)))
	}
	if err == nil {
		*refusals = maxRefusals
	}
	c.arrived.Add(n - refused)
	c.lost.Add(refused)
}

// refusesContent reports whether a receiver refuses a request for what is in
// it, and not for who sends it.
func refusesContent(err error, n *note) bool {
	switch n.status {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		return true
	case 0:
	default:
		return false
	}
	switch status.Code(err) {
	case codes.InvalidArgument, codes.Internal, codes.ResourceExhausted:
		return true
	}
	return false
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

// reportQueue reports how many spans must have been dropped: those that ended,
// are not dealt with, and are more than can be on their way.
func (c *Client) reportQueue() {
	if c.queue == nil {
		return
	}
	over := c.queue.ended.n.Load() - c.Arrived() - c.Lost() - c.queue.capacity
	if over > c.queue.reported {
		c.queue.reported = over
		c.delivery.failed(sendTraces, fmt.Errorf("at least %d spans were dropped because the queue was full; raise OTEL_BSP_MAX_QUEUE_SIZE", over))
	}
}

// partialSuccess is how the stock clients say that a receiver took a part.
var partialSuccess = regexp.MustCompile(`(?s)OTLP partial success: (.*) \((\d+) spans rejected\)`)

func partial(err error) (refused int64, why string, ok bool) {
	if err == nil {
		return 0, "", false
	}
	m := partialSuccess.FindStringSubmatch(err.Error())
	if m == nil {
		return 0, "", false
	}
	n, _ := strconv.ParseInt(m[2], 10, 64)
	return n, m[1], true
}

// closingClient closes the connections of an HTTP client when it stops.
type closingClient struct {
	otlptrace.Client
	close func()
}

func (c *closingClient) Stop(ctx context.Context) error {
	defer c.close()
	return c.Client.Stop(ctx)
}

// maxRequest is the most bytes of spans in one request. gRPC receivers refuse
// more than 4 MiB; the rest is for what the request adds.
const maxRequest = 4<<20 - 64<<10

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
		repairAttrs(r.GetResource().GetAttributes())
		for _, s := range r.ScopeSpans {
			repairAttrs(s.GetScope().GetAttributes())
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
