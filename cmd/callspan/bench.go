package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/callspan/callspan/internal/otlpsink"
	"github.com/callspan/callspan/internal/visible"
	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
)

const benchHelp = `usage: callspan bench proxy [flags]

Measures what the proxy adds to a stream: it runs "callspan proxy" as a process
of its own with --procs cores, before a target in another process whose chunks
carry the time at which they were sent, and compares with the target alone and
with a bare httputil.ReverseProxy in the proxy's place.

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
	if len(args) == 2 && args[0] == benchBare {
		return serveBare(args[1], p)
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

// A contender is one way to the target.
type contender struct {
	name    string
	process *command
	first   []time.Duration // to the first chunk, of one call after the other
	each    []time.Duration // of each chunk under load
	cpu     time.Duration   // used under load; less than 0 if it is not known
}

func (o *benchOptions) measure(ctx context.Context, p process) error {
	target, err := startCommand(ctx, []string{"bench", benchTarget, strconv.FormatFloat(o.rate, 'g', -1, 64)})
	if err != nil {
		return fmt.Errorf("target: %w", err)
	}
	defer target.stop()
	procs := "GOMAXPROCS=" + strconv.Itoa(o.procs)
	bare, err := startCommand(ctx, []string{"bench", benchBare, target.url}, procs)
	if err != nil {
		return fmt.Errorf("bare proxy: %w", err)
	}
	defer bare.stop()
	sink, err := otlpsink.Config{OnTraces: func(_ context.Context, r *coltracepb.ExportTraceServiceRequest) (*coltracepb.ExportTraceServiceResponse, error) {
		r.ResourceSpans = nil
		return nil, nil
	}}.Start()
	if err != nil {
		return err
	}
	defer sink.Close()
	proxy, err := startCommand(ctx, []string{"proxy", "--listen", "127.0.0.1:0", "--quiet", "--target", target.url},
		procs, "OTEL_EXPORTER_OTLP_ENDPOINT=http://"+sink.Endpoint(), "OTEL_METRICS_EXPORTER=none")
	if err != nil {
		return fmt.Errorf("proxy: %w", err)
	}
	defer proxy.stop()
	base := http.DefaultTransport.(*http.Transport).Clone()
	base.MaxIdleConnsPerHost = 2 * o.streams
	base.DisableCompression = true
	client := &http.Client{Transport: base}
	defer base.CloseIdleConnections()
	ways := []*contender{{name: "target alone", process: target}, {name: "bare reverse proxy", process: bare}, {name: "callspan proxy", process: proxy}}

	// One after the other, alternated, so that a slow moment meets all.
	for i := range o.calls + warmUp {
		for _, w := range ways {
			r, err := chunks(ctx, client, w.process.url, 1)
			if err != nil {
				return err
			}
			if i >= warmUp {
				w.first = append(w.first, r.first)
			}
		}
	}
	for _, w := range ways {
		begin, known := w.process.cpu()
		if w.each, err = o.load(ctx, client, w.process.url); err != nil {
			return err
		}
		end, ended := w.process.cpu()
		w.cpu = end - begin
		if known != nil || ended != nil {
			w.cpu = -1
		}
	}
	o.print(p.stdout, ways)
	return nil
}

// warmUp is how many calls come before those that count.
const warmUp = 20

// print writes a table; what a way adds is beside the first of them.
func (o *benchOptions) print(out io.Writer, ways []*contender) {
	fmt.Fprintf(out, "first chunk: %d calls one after the other; under load: %d streams of %v chunks a second for %v, %d chunks\n\n",
		o.calls, o.streams, o.rate, o.time, len(ways[0].each))
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\tfirst chunk, median\tadded\tunder load, p50\tp99\tmax\tadded at p99\tcores\t")
	for i, c := range ways {
		added, addedLate, cores := "", "", ""
		if i > 0 {
			added = (at(c.first, 50) - at(ways[0].first, 50)).String()
			addedLate = (at(c.each, 99) - at(ways[0].each, 99)).Round(10 * time.Microsecond).String()
		}
		if c.cpu >= 0 {
			cores = fmt.Sprintf("%.2f", c.cpu.Seconds()/o.time.Seconds())
		}
		fmt.Fprintf(w, "%s\t%v\t%s\t%v\t%v\t%v\t%s\t%s\t\n", c.name, at(c.first, 50), added,
			at(c.each, 50), at(c.each, 99), at(c.each, 100), addedLate, cores)
	}
	w.Flush()
}

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
