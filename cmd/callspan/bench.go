package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/callspan/callspan/internal/otlpsink"
	"github.com/callspan/callspan/internal/visible"
	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
)

const benchHelp = `usage: callspan bench proxy [flags]

Measures what the proxy adds to a stream: it runs "callspan proxy" as a process
of its own with --procs cores, before a target in a third process whose chunks
carry the time at which they were sent, and compares with the target alone.

Examples:

  callspan bench proxy
  callspan bench proxy --streams 100 --rate 20 --time 5s

Flags:
`

type benchOptions struct {
	streams, procs, calls int
	rate                  float64
	time                  time.Duration
}

func bench(args []string, p process) int {
	if len(args) == 2 && args[0] == benchTarget {
		return serveTarget(args[1], p)
	}
	if len(args) > 0 && args[0] == "proxy" {
		args = args[1:]
	} else if len(args) == 0 || !strings.HasPrefix(args[0], "-") {
		fmt.Fprintln(p.stderr, "callspan bench: say what to measure\nusage: callspan bench proxy [flags], see callspan bench -h")
		return exitUsage
	}
	var o benchOptions
	fs := flag.NewFlagSet("bench", flag.ContinueOnError)
	fs.IntVar(&o.streams, "streams", 500, "how many answers stream at the same time")
	fs.Float64Var(&o.rate, "rate", 50, "chunks per `second` of each")
	fs.DurationVar(&o.time, "time", 10*time.Second, "how long they stream")
	fs.IntVar(&o.calls, "calls", 500, "calls one after the other, for the time to the first chunk")
	fs.IntVar(&o.procs, "procs", 1, "cores that the proxy may use")
	if code, done := flags(fs, args, p, benchHelp); done {
		return code
	}
	if o.streams < 1 || o.calls < 1 || o.procs < 1 || !(o.rate > 0) || o.time <= 0 {
		fmt.Fprintln(p.stderr, "callspan bench: every figure has to be above 0\nusage: callspan bench proxy [flags], see callspan bench -h")
		return exitUsage
	}
	ctx, stop := p.interrupts(context.Background())
	defer stop()
	if err := o.measure(ctx, p); err != nil {
		fmt.Fprintf(p.stderr, "callspan bench: %s\n", visible.Line(err.Error()))
		if ctx.Err() != nil {
			return exitInterrupted
		}
		return exitFailed
	}
	return exitOK
}

func (o *benchOptions) measure(ctx context.Context, p process) error {
	target, err := startCommand(ctx, []string{"bench", benchTarget, strconv.FormatFloat(o.rate, 'g', -1, 64)})
	if err != nil {
		return fmt.Errorf("target: %w", err)
	}
	defer target.stop()
	proxy, sink, err := o.startProxy(ctx, target.url)
	if err != nil {
		return fmt.Errorf("proxy: %w", err)
	}
	defer sink.Close()
	defer proxy.stop()
	base := http.DefaultTransport.(*http.Transport).Clone()
	base.MaxIdleConnsPerHost = 2 * o.streams
	base.DisableCompression = true
	client := &http.Client{Transport: base}
	defer base.CloseIdleConnections()

	// One after the other, alternated, so that a slow moment meets both.
	var direct, through []time.Duration
	for i := range o.calls + 20 {
		a, err := chunks(ctx, client, target.url, 1)
		if err != nil {
			return err
		}
		b, err := chunks(ctx, client, proxy.url, 1)
		if err != nil {
			return err
		}
		if i >= 20 { // warm
			direct, through = append(direct, a.first), append(through, b.first)
		}
	}
	fmt.Fprintf(p.stdout, "time to the first chunk, %d calls: %v alone, %v through the proxy, %v added at the median\n",
		o.calls, at(direct, 50), at(through, 50), (at(through, 50) - at(direct, 50)).Round(time.Microsecond))

	alone, err := o.load(ctx, client, target.url)
	if err != nil {
		return err
	}
	begin, err := proxy.cpu()
	if err != nil {
		begin = -1
	}
	loaded, err := o.load(ctx, client, proxy.url)
	if err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "%d streams of %v chunks a second for %v, %d chunks: p50 %v, p99 %v, max %v alone; p50 %v, p99 %v, max %v through the proxy; %v added at p99\n",
		o.streams, o.rate, o.time, len(loaded), at(alone, 50), at(alone, 99), at(alone, 100),
		at(loaded, 50), at(loaded, 99), at(loaded, 100), (at(loaded, 99) - at(alone, 99)).Round(10*time.Microsecond))
	if end, err := proxy.cpu(); err == nil && begin >= 0 {
		fmt.Fprintf(p.stdout, "the proxy used %.2f of a core\n", (end-begin).Seconds()/o.time.Seconds())
	}
	return nil
}

// benchTarget is what bench runs itself with to be the target, which is not in
// the client's process: no service is.
const benchTarget = "target"

// serveTarget answers every call with chunks that carry the time of their
// sending, rate of them a second, until it is interrupted.
func serveTarget(rate string, p process) int {
	perSecond, err := strconv.ParseFloat(rate, 64)
	if err != nil || !(perSecond > 0) {
		fmt.Fprintf(p.stderr, "callspan bench: rate %q: use a number above 0\n", rate)
		return exitUsage
	}
	ctx, stop := p.interrupts(context.Background())
	defer stop()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintf(p.stderr, "callspan bench: %v\n", err)
		return exitFailed
	}
	s := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: targetHandler(perSecond)}
	context.AfterFunc(ctx, func() { s.Close() })
	fmt.Fprintf(p.stdout, "%shttp://%s\n", saysURL, l.Addr())
	s.Serve(l)
	return exitOK
}

func targetHandler(rate float64) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		n, err := strconv.Atoi(r.Header.Get("X-Chunks"))
		if err != nil {
			n = 1
		}
		w.Header().Set("Content-Type", "text/event-stream")
		out := http.NewResponseController(w)
		interval := time.Duration(float64(time.Second) / rate)
		next := time.Now()
		for i := range n {
			finish := "null"
			if i == n-1 {
				finish = `"stop"`
			}
			fmt.Fprintf(w, `data: {"id":"c1","object":"chat.completion.chunk","created":%d,"model":"gpt-4o-mini","choices":[{"index":0,"delta":{"content":" rose"},"finish_reason":%s}]}`+"\n\n",
				time.Now().UnixNano(), finish)
			if out.Flush() != nil {
				return
			}
			if i < n-1 {
				next = next.Add(interval)
				time.Sleep(time.Until(next))
			}
		}
		time.Sleep(pause)
		io.WriteString(w, "data: [DONE]\n\n")
	})
}

// pause keeps the end of an answer apart from its last chunk, which it is in the
// answers of models too.
const pause = 2 * time.Millisecond

// A received is when the chunks of an answer came: the first one after its
// request, each one after it was sent.
type received struct {
	first time.Duration
	each  []time.Duration
}

const benchRequest = `{"model":"gpt-4o-mini","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"Which flowers suit a birthday?"}]}`

var createdKey = []byte(`"created":`)

// chunks reads an answer of n chunks.
func chunks(ctx context.Context, client *http.Client, url string, n int) (r received, err error) {
	req, err := http.NewRequestWithContext(ctx, "POST", url+"/v1/chat/completions", strings.NewReader(benchRequest))
	if err != nil {
		return r, err
	}
	req.Header.Set("X-Chunks", strconv.Itoa(n))
	begin := time.Now()
	resp, err := client.Do(req)
	if err != nil {
		return r, err
	}
	defer resp.Body.Close()
	in := bufio.NewReader(resp.Body)
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			break
		}
		_, after, ok := bytes.Cut(line, createdKey)
		if !ok {
			continue
		}
		if len(r.each) == 0 {
			r.first = time.Since(begin)
		}
		digits, _, _ := bytes.Cut(after, []byte(","))
		sent, err := strconv.ParseInt(string(digits), 10, 64)
		if err != nil {
			return r, err
		}
		r.each = append(r.each, time.Duration(time.Now().UnixNano()-sent))
	}
	if len(r.each) != n {
		return r, fmt.Errorf("%d chunks of %d arrived, status %s", len(r.each), n, resp.Status)
	}
	return r, nil
}

// load streams o.streams answers at the same time, begun over one interval.
func (o *benchOptions) load(ctx context.Context, client *http.Client, url string) ([]time.Duration, error) {
	n := max(1, int(o.time.Seconds()*o.rate))
	var (
		wg     sync.WaitGroup
		mu     sync.Mutex
		all    []time.Duration
		failed error
	)
	for i := range o.streams {
		wg.Go(func() {
			time.Sleep(time.Duration(float64(time.Second) * float64(i) / float64(o.streams))) // not all at once
			r, err := chunks(ctx, client, url, n)
			mu.Lock()
			defer mu.Unlock()
			all = append(all, r.each...)
			failed = errors.Join(failed, err)
		})
	}
	wg.Wait()
	return all, failed
}

// at returns the percentile of what was measured.
func at(all []time.Duration, percent int) time.Duration {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[(len(all)-1)*percent/100].Round(time.Microsecond)
}

// startProxy starts the proxy, and a receiver of its spans.
func (o *benchOptions) startProxy(ctx context.Context, target string) (*command, *otlpsink.Sink, error) {
	sink, err := otlpsink.Config{OnTraces: func(_ context.Context, r *coltracepb.ExportTraceServiceRequest) (*coltracepb.ExportTraceServiceResponse, error) {
		r.ResourceSpans = nil
		return nil, nil
	}}.Start()
	if err != nil {
		return nil, nil, err
	}
	c, err := startCommand(ctx, []string{"proxy", "--listen", "127.0.0.1:0", "--quiet", "--target", target},
		"GOMAXPROCS="+strconv.Itoa(o.procs), "OTEL_EXPORTER_OTLP_ENDPOINT=http://"+sink.Endpoint(), "OTEL_METRICS_EXPORTER=none")
	if err != nil {
		sink.Close()
		return nil, nil, err
	}
	return c, sink, nil
}
