package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/internal/visible"
	"github.com/callspan/callspan/tracing"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const doctorHelp = `usage: callspan doctor [flags]

Checks the way of a span: the OTEL_* variables, the address of the receiver, a
probe span sent to it, how large a request it takes, and with --jaeger whether
the span can be read back. Says what is wrong and how to mend it. Exit 0 if
nothing is.

Examples:

  callspan doctor
  callspan doctor --endpoint http://localhost:4317 --jaeger http://localhost:16686
  OTEL_EXPORTER_OTLP_ENDPOINT=https://collector:4317 callspan doctor

Flags:
`

type doctorOptions struct {
	endpoint, jaeger string
	timeout          time.Duration
}

// A finding is the outcome of one check.
type finding struct {
	state string // "ok", "warn" or "fail"
	what  string
	mend  string // what to do, unless ok
}

const (
	stateOK   = "ok"
	stateWarn = "warn"
	stateFail = "fail"
)

func doctor(args []string, p process) int {
	var o doctorOptions
	fs := flag.NewFlagSet("doctor", flag.ContinueOnError)
	fs.StringVar(&o.endpoint, "endpoint", "", "`URL` of the OTLP receiver (default what OTEL_EXPORTER_OTLP_* say)")
	fs.StringVar(&o.jaeger, "jaeger", "", "`URL` of Jaeger's query service, to read the probe span back")
	fs.DurationVar(&o.timeout, "timeout", 5*time.Second, "how long each check may take")
	if code, done := flags(fs, args, p, doctorHelp); done {
		return code
	}
	if o.timeout <= 0 {
		fmt.Fprintf(p.stderr, "callspan doctor: --timeout %v: use a time above 0\nusage: callspan doctor [flags], see callspan doctor -h\n", o.timeout)
		return exitUsage
	}
	ctx, stop := p.interrupts(context.Background())
	defer stop()
	defer context.AfterFunc(ctx, stop)() // a second interrupt ends the program at once
	s := newScreen(p.stdout, p.env)
	failed := false
	for f := range o.examine(ctx) {
		if ctx.Err() != nil { // which is why it failed
			break
		}
		failed = failed || f.state == stateFail
		s.finding(f)
	}
	if ctx.Err() != nil {
		fmt.Fprintln(p.stderr, "callspan doctor: interrupted")
		return exitInterruptedBy(ctx)
	}
	if failed {
		return exitFailed
	}
	return exitOK
}

func (s screen) finding(f finding) {
	code := map[string]string{stateOK: green, stateWarn: yellow, stateFail: red}[f.state]
	fmt.Fprintf(s.w, "%s  %s\n", s.paint(code, fmt.Sprintf("%-4s", f.state)), visible.Line(f.what))
	if f.mend != "" {
		fmt.Fprintf(s.w, "      %s\n", visible.Line(f.mend))
	}
}

// examine yields the outcome of each check. One that others depend on ends it.
func (o *doctorOptions) examine(ctx context.Context) func(func(finding) bool) {
	return func(yield func(finding) bool) {
		for _, f := range environment() {
			if !yield(f) {
				return
			}
		}
		endpoint := o.receiver()
		if sdkDisabled(os.Getenv) || endpoint == "" { // which was said
			return
		}
		if err := o.setUp(ctx); err != nil { // before an address that may not be meant
			yield(finding{stateFail, err.Error(), "mend that and run callspan doctor again"})
			return
		}
		if u, err := url.Parse(endpoint); err == nil && u.Host != "" {
			f := o.reach(ctx, u)
			if !yield(f) || f.state == stateFail {
				return
			}
		}
		probe, err := o.send(ctx, 1)
		var undelivered *tracing.UndeliveredError
		switch {
		case errors.As(err, &undelivered) && probe.took >= o.timeout && silent(undelivered.Err):
			yield(finding{stateFail, fmt.Sprintf("probe span: no answer from %s within %v", visible.URL(probe.endpoint), o.timeout),
				"is it an OTLP receiver that listens there, at the port of this protocol (as a rule 4317 for gRPC, 4318 for HTTP)?"})
			return
		case errors.As(err, &undelivered):
			yield(finding{stateFail, "probe span: " + err.Error(), ""})
			return
		case err != nil:
			yield(finding{stateFail, err.Error(), "mend that and run callspan doctor again"})
			return
		}
		if !yield(finding{stateOK, fmt.Sprintf("probe span: delivered to %s in %s (trace %s)", probe.endpoint, short(probe.took), probe.traceID), ""}) {
			return
		}
		if !yield(o.large(ctx)) {
			return
		}
		if o.jaeger != "" {
			for _, f := range o.readBack(ctx, probe) {
				if !yield(f) {
					return
				}
			}
		}
	}
}

// environment reports which variables are set. Values of headers are secrets.
func environment() []finding {
	var set []string
	for _, kv := range os.Environ() {
		name, value, _ := strings.Cut(kv, "=")
		if !strings.HasPrefix(name, "OTEL_") || value == "" {
			continue
		}
		switch {
		case strings.Contains(name, "HEADERS"):
			value = "(not shown)"
		case strings.Contains(name, "ENDPOINT"):
			value = visible.URL(value)
		}
		set = append(set, name+"="+value)
	}
	slices.Sort(set)
	if len(set) == 0 {
		return []finding{{stateOK, "environment: no OTEL_* variable is set; the defaults hold", ""}}
	}
	var out []finding
	for _, kv := range set {
		f := finding{stateOK, "environment: " + kv, ""}
		if strings.EqualFold(kv, "OTEL_SDK_DISABLED=true") {
			f = finding{stateFail, "environment: " + kv, "nothing is exported while it is true; unset it"}
		}
		if kv == "OTEL_TRACES_EXPORTER=none" {
			f = finding{stateFail, "environment: " + kv, "no trace is exported; unset it"}
		}
		if name, value, _ := strings.Cut(kv, "="); name == "OTEL_TRACES_SAMPLER" {
			switch ratio, ok := sampled(os.Getenv); {
			case strings.HasSuffix(strings.ToLower(strings.TrimSpace(value)), "always_off"), ok && ratio == 0:
				f = finding{stateFail, "environment: " + kv, "no trace is recorded; unset it"}
			case ok && ratio < 1:
				f = finding{stateWarn, "environment: " + kv, fmt.Sprintf("of a hundred traces about %.2g are recorded; the probe is in any case", 100*ratio)}
			}
		}
		out = append(out, f)
	}
	return out
}

// silent reports whether a delivery failed with the waiting for an answer: what
// a receiver did answer says more.
func silent(err error) bool {
	code := status.Code(err)
	return err == nil || code == codes.Canceled || code == codes.DeadlineExceeded ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// sampled returns the share of traces that the environment has recorded, if it
// names one that the set-up takes.
func sampled(env func(string) string) (ratio float64, ok bool) {
	kind := strings.ToLower(strings.TrimSpace(env("OTEL_TRACES_SAMPLER")))
	if strings.TrimPrefix(kind, "parentbased_") != "traceidratio" {
		return 0, false
	}
	arg := strings.TrimSpace(env("OTEL_TRACES_SAMPLER_ARG"))
	if arg == "" {
		return 1, true
	}
	ratio, err := strconv.ParseFloat(arg, 64)
	return ratio, err == nil && ratio >= 0 && ratio <= 1
}

// A probe is a span that was sent.
type probe struct {
	endpoint, traceID, spanID string
	sent                      time.Time
	took                      time.Duration
}

// setUp says what is wrong with how tracing is set up.
func (o *doctorOptions) setUp(ctx context.Context) error {
	_, shutdown, err := tracing.Setup(ctx, o.options(1)...)
	if err != nil {
		return err
	}
	at, cancel := context.WithCancel(ctx)
	cancel()
	_ = shutdown(at) // nothing has been traced
	return nil
}

// options are those for a probe with a text of so many bytes.
func (o *doctorOptions) options(size int) []tracing.Option {
	opts := []tracing.Option{tracing.WithServiceName("callspan-doctor"), tracing.WithErrorHandler(func(error) {}),
		tracing.WithContent(tracing.ContentInput), tracing.WithContentLimits(2*size, 2*size)}
	if o.endpoint != "" {
		opts = append(opts, tracing.WithEndpoint(o.endpoint))
	}
	if ratio, ok := sampled(os.Getenv); ok && ratio > 0 {
		opts = append(opts, tracing.WithSampler(sdktrace.AlwaysSample())) // the way is checked, not the luck
	}
	return opts
}

// send exports one span with a text of so many bytes, and says what became of
// it.
func (o *doctorOptions) send(ctx context.Context, size int) (probe, error) {
	pr := probe{endpoint: o.receiver()}
	tracer, shutdown, err := tracing.Setup(ctx, o.options(size)...)
	if err != nil {
		return pr, err
	}
	pr.sent = time.Now()
	ctx, run := callback.Start(callback.WithHandlers(ctx, tracer), &callback.Info{Kind: callback.KindTool, Name: "doctor",
		Input: &callback.ToolCall{Arguments: strings.Repeat("x", size)}})
	sc := trace.SpanContextFromContext(ctx)
	pr.traceID, pr.spanID = sc.TraceID().String(), sc.SpanID().String()
	run.End(nil)
	down, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	err = shutdown(down)
	pr.took = time.Since(pr.sent)
	if err == nil && !sc.IsSampled() {
		err = &tracing.UndeliveredError{Endpoint: pr.endpoint, Spans: 1, Of: 1, Err: errors.New("the span is not sampled; look at OTEL_TRACES_SAMPLER")}
	}
	return pr, err
}

// receiver returns the URL that spans go to.
func (o *doctorOptions) receiver() string {
	if o.endpoint != "" {
		return o.endpoint
	}
	return receiverOf(os.Getenv, "TRACES", true)
}

// reach opens a connection to the receiver's address.
func (o *doctorOptions) reach(ctx context.Context, u *url.URL) finding {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	begin := time.Now()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		var dns *net.DNSError
		var addr *net.AddrError
		mend := "start the receiver, or set OTEL_EXPORTER_OTLP_ENDPOINT to where it listens; docker compose up -d starts one"
		if errors.As(err, &dns) {
			mend = "the name cannot be resolved; check the host in the endpoint"
		}
		if errors.As(err, &addr) {
			mend = "check host and port in the endpoint; a port is from 1 to 65535"
		}
		return finding{stateFail, "address: " + err.Error(), mend}
	}
	conn.Close()
	return finding{stateOK, fmt.Sprintf("address: %s answers in %s", conn.RemoteAddr(), short(time.Since(begin))), ""}
}

// large sends a span of nearly 4 MiB, the most that receivers take by default.
func (o *doctorOptions) large(ctx context.Context) finding {
	const size = 3_900_000
	if _, err := o.send(ctx, size); err != nil {
		return finding{stateWarn, fmt.Sprintf("large request: a span of %.1f MB was refused: %v", size/1e6, err),
			"raise the receiver's limit (max_recv_msg_size_mib in a collector, 4 by default) if your spans carry content"}
	}
	return finding{stateOK, fmt.Sprintf("large request: a span of %.1f MB was taken", size/1e6), ""}
}

// readBack finds the probe in Jaeger and compares its time with the clock there.
func (o *doctorOptions) readBack(ctx context.Context, pr probe) []finding {
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	base := strings.TrimRight(o.jaeger, "/")
	var lastErr error
	for {
		body, date, err := get(ctx, base+"/api/v3/traces/"+pr.traceID)
		if err == nil && strings.Contains(body, pr.spanID) {
			out := []finding{{stateOK, "jaeger: the probe span is there, see " + base + "/trace/" + pr.traceID, ""}}
			if skew := time.Until(date); !date.IsZero() && skew.Abs() > 5*time.Second {
				out = append(out, finding{stateWarn, fmt.Sprintf("clock: Jaeger's differs from ours by %s", skew.Round(time.Second)),
					"spans of several hosts will not line up; set the clocks with NTP"})
			} else if !date.IsZero() {
				out = append(out, finding{stateOK, "clock: Jaeger's agrees with ours", ""})
			}
			return out
		}
		if err != nil && (lastErr == nil || ctx.Err() == nil) { // what was said says more than that time is up
			lastErr = err
		}
		select {
		case <-ctx.Done():
			if lastErr != nil && !errors.Is(lastErr, errNotThere) {
				return []finding{{stateFail, "jaeger: " + lastErr.Error(), "check --jaeger; it is the query service, port 16686 as a rule"}}
			}
			return []finding{{stateFail, "jaeger: the probe span did not appear within " + o.timeout.String(),
				"the receiver took it, so look between the two: does the collector export to this Jaeger, and does a processor drop spans?"}}
		case <-time.After(100 * time.Millisecond):
		}
	}
}

var errNotThere = errors.New("trace not found")

// get returns the body of a page and the server's clock.
func get(ctx context.Context, page string) (body string, date time.Time, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, page, nil)
	if err != nil {
		return "", date, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", date, err
	}
	defer http.DefaultClient.CloseIdleConnections()
	defer resp.Body.Close()
	date, _ = http.ParseTime(resp.Header.Get("Date"))
	data, err := io.ReadAll(io.LimitReader(resp.Body, 32<<20))
	if err != nil {
		return "", date, err
	}
	switch {
	case resp.StatusCode == http.StatusNotFound:
		return "", date, errNotThere
	case resp.StatusCode != http.StatusOK:
		return "", date, fmt.Errorf("%s answers %s", page, resp.Status)
	case !json.Valid(data):
		return "", date, fmt.Errorf("%s is not Jaeger's API", page)
	}
	return string(data), date, nil
}
