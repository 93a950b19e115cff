package tracing

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
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
			v.read(err)
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
var partialSuccess = regexp.MustCompile(`(?s)OTLP partial success: (.*) \((-?\d+) (?:spans|metric data points) rejected\)`)

func partial(err error) (refused int64, why string, ok bool) {
	if err == nil {
		return 0, "", false
	}
	m := partialSuccess.FindStringSubmatch(err.Error())
	if m == nil {
		return 0, "", false
	}
	n, _ := strconv.ParseInt(m[2], 10, 64)
	return max(n, 0), m[1], true
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
