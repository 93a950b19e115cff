package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/callspan/callspan/internal/cores"
	"github.com/callspan/callspan/internal/otlpsink"
	"github.com/callspan/callspan/internal/visible"
	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
)

const benchHelp = `usage: callspan bench proxy [flags]

Measures what the proxy adds to a stream, before a target whose chunks carry the
time at which they were sent. Beside it are measured the target alone, a relay
that knows nothing of HTTP and copies bytes, which is the least that anything
between two programs adds on this machine, and a bare httputil.ReverseProxy.

The first chunk is measured twice: with all in one process, which is the work
that is done, and with a process each, as in use, which has the system's
switches between them too. Under load each has a process with --procs cores, on
Linux cores of its own: the client and the target share the others.

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
	if len(args) == 2 {
		if serve, ok := benchServers[args[0]]; ok {
			return serve(args[1], p)
		}
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
	fs.Float64Var(&o.rate, "rate", 50, "`chunks` per second of each")
	fs.DurationVar(&o.time, "time", 10*time.Second, "how long they stream")
	fs.IntVar(&o.calls, "calls", 500, "calls one after the other, for the time to the first chunk")
	fs.IntVar(&o.procs, "procs", 1, "cores of what is between client and target")
	if code, done := flags(fs, args, p, benchHelp); done {
		return code
	}
	if o.streams < 1 || o.calls < 1 || o.procs < 1 || !(o.rate > 0) || o.time <= 0 {
		fmt.Fprintln(p.stderr, "callspan bench: every figure has to be above 0\nusage: callspan bench proxy [flags], see callspan bench -h")
		return exitUsage
	}
	if !perSecond(o.rate) {
		fmt.Fprintf(p.stderr, "callspan bench: --rate %v: use 0.001 to 1000000 chunks per second\nusage: callspan bench proxy [flags], see callspan bench -h\n", o.rate)
		return exitUsage
	}
	ctx, stop := p.interrupts(context.Background())
	defer stop()
	if err := o.measure(ctx, p); err != nil {
		fmt.Fprintf(p.stderr, "callspan bench: %s\n", visible.Line(err.Error()))
		if ctx.Err() != nil {
			return exitInterruptedBy(ctx)
		}
		return exitFailed
	}
	return exitOK
}

// ways are the ways to the target that are measured, and the arguments with
// which this program serves each.
var ways = []struct {
	name string
	args func(target string) []string
}{
	{"target alone", nil},
	{"relay of bytes", func(target string) []string { return []string{"bench", benchRelay, target} }},
	{"bare reverse proxy", func(target string) []string { return []string{"bench", benchBare, target} }},
	{"callspan proxy", func(target string) []string {
		return []string{"proxy", "--listen", "127.0.0.1:0", "--quiet", "--target", target}
	}},
}

func (o *benchOptions) measure(ctx context.Context, p process) error {
	sink, err := otlpsink.Config{OnTraces: func(_ context.Context, r *coltracepb.ExportTraceServiceRequest) (*coltracepb.ExportTraceServiceResponse, error) {
		r.ResourceSpans = nil
		return nil, nil
	}}.Start()
	if err != nil {
		return err
	}
	defer sink.Close()
	for _, kv := range os.Environ() { // which are of somebody's own receiver
		if name, _, _ := strings.Cut(kv, "="); strings.HasPrefix(name, "OTEL_") {
			defer setenv(name, "")()
		}
	}
	defer setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"+sink.Endpoint())()
	defer setenv("OTEL_METRICS_EXPORTER", "none")()

	procs := "GOMAXPROCS=" + strconv.Itoa(o.procs)
	one, err := o.first(ctx, func(args []string) (*server, error) { return serveHere(args, p) })
	if err != nil {
		return err
	}
	each, err := o.first(ctx, func(args []string) (*server, error) { return serveApart(ctx, args, (*exec.Cmd).Start, procs) })
	if err != nil {
		return err
	}
	o.printFirst(p.stdout, one, each)

	split := cores.New(o.procs)
	if restore, err := split.Leave(); err != nil {
		split = nil
	} else {
		defer restore()
	}
	servers, stop, err := o.start(func(args []string) (*server, error) {
		if args[1] == benchTarget { // it has the cores of the client
			return serveApart(ctx, args, (*exec.Cmd).Start)
		}
		return serveApart(ctx, args, split.Start, procs)
	})
	defer stop()
	if err != nil {
		return err
	}
	own := "which it shares with the client and the target"
	if split != nil {
		own = "the client and the target on others"
	}
	fmt.Fprintf(p.stdout, "\n%d streams of %v chunks a second for %v, each way after the other; cores: %d, %s\n\n",
		o.streams, o.rate, o.time, o.procs, own)
	var loads [][]time.Duration
	var used []float64
	for _, s := range servers {
		all, n, err := o.load(ctx, s)
		if err != nil {
			return err
		}
		loads, used = append(loads, all), append(used, n)
	}
	printLoad(p.stdout, loads, used)
	return nil
}

// first measures the first chunks of servers that serve starts.
func (o *benchOptions) first(ctx context.Context, serve func(args []string) (*server, error)) ([][]time.Duration, error) {
	servers, stop, err := o.start(serve)
	defer stop()
	if err != nil {
		return nil, err
	}
	return o.firstChunks(ctx, servers)
}

// setenv sets a variable for the servers that are started, in this process or in
// one of their own, and returns what sets it back.
func setenv(name, value string) (restore func()) {
	before, was := os.LookupEnv(name)
	os.Setenv(name, value)
	return func() {
		if was {
			os.Setenv(name, before)
		} else {
			os.Unsetenv(name)
		}
	}
}

// start starts the servers of all ways by serve. stop stops those that run, also
// after an error, and can be called again.
func (o *benchOptions) start(serve func(args []string) (*server, error)) (all []*server, stop func(), err error) {
	stop = func() {
		for len(all) > 0 {
			last := len(all) - 1
			all[last].stop()
			all = all[:last]
		}
	}
	for _, w := range ways {
		args := []string{"bench", benchTarget, strconv.FormatFloat(o.rate, 'g', -1, 64)}
		if w.args != nil {
			args = w.args(all[0].url)
		}
		s, err := serve(args)
		if err != nil {
			return all, stop, fmt.Errorf("%s: %w", w.name, err)
		}
		all = append(all, s)
	}
	return all, stop, nil
}

// printFirst writes the table of first chunks; what a way adds to the target is
// beside each.
func (o *benchOptions) printFirst(out io.Writer, one, each [][]time.Duration) {
	fmt.Fprintf(out, "first chunk, median of %d calls one after the other\n\n", o.calls)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\tin one process\tadded\tin a process each\tadded\t")
	added := func(of [][]time.Duration, i int) string {
		if i == 0 {
			return ""
		}
		return (at(of[i], 50) - at(of[0], 50)).String()
	}
	for i := range ways {
		fmt.Fprintf(w, "%s\t%v\t%s\t%v\t%s\t\n", ways[i].name, at(one[i], 50), added(one, i), at(each[i], 50), added(each, i))
	}
	w.Flush()
}

// printLoad writes the table of all chunks under load.
func printLoad(out io.Writer, all [][]time.Duration, cores []float64) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\tchunks\tp50\tp99\tmax\tadded at p99\tcores\t")
	for i, each := range all {
		added, used := "", ""
		if i > 0 {
			added = (at(each, 99) - at(all[0], 99)).Round(10 * time.Microsecond).String()
		}
		if cores[i] >= 0 {
			used = fmt.Sprintf("%.2f", cores[i])
		}
		fmt.Fprintf(w, "%s\t%d\t%v\t%v\t%v\t%s\t%s\t\n", ways[i].name, len(each), at(each, 50), at(each, 99), at(each, 100), added, used)
	}
	w.Flush()
}
