package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/internal/visible"
	"github.com/callspan/callspan/tracing"
)

const proxyHelp = `usage: callspan proxy [flags]

Traces and prices the model calls of programs in any language: they change the
base URL of their API to this proxy, and each call becomes a span. What passes
is not changed, but that a stream is asked for its usage, which is kept from a
program that did not ask. Streams are passed on at once, and keys are never
stored. Spans go where the OTEL_* variables say (default a receiver at
localhost:4317).

A program may send traceparent and baggage, so that its calls appear in its own
trace, and X-Callspan-Session and X-Callspan-User, which stay here.
GET /callspan/ready answers 200, and 503 once the proxy is being stopped.

Examples:

  callspan proxy
  callspan proxy --target http://localhost:11434 --provider ollama
  callspan proxy --otlp-file calls.jsonl --capture-content
  OPENAI_BASE_URL=http://127.0.0.1:8787/v1 python3 program.py

Flags:
`

type proxyOptions struct {
	target, listen, provider, otlpFile string
	remote, content, quiet             bool
	drain                              time.Duration
}

func proxy(args []string, p process) int {
	var o proxyOptions
	fs := flag.NewFlagSet("proxy", flag.ContinueOnError)
	fs.StringVar(&o.target, "target", "https://api.openai.com", "`URL` of the API, without the path that programs add")
	fs.StringVar(&o.listen, "listen", "127.0.0.1:8787", "`address` to listen at; port 0 takes a free one")
	fs.BoolVar(&o.remote, "allow-remote", false, "let --listen be an address that other machines reach")
	fs.StringVar(&o.provider, "provider", "", "OpenTelemetry's `name` of the provider (default by the host of the target)")
	fs.StringVar(&o.otlpFile, "otlp-file", "", "add everything exported to this `file`, as OTLP JSON lines")
	fs.BoolVar(&o.content, "capture-content", false, "put what is said into the spans")
	fs.BoolVar(&o.quiet, "quiet", false, "print no line for each call")
	fs.DurationVar(&o.drain, "drain", 30*time.Second, "how long calls may go on when the proxy is stopped")
	if code, done := flags(fs, args, p, proxyHelp); done {
		return code
	}
	target, err := o.check(p.env)
	if err != nil {
		fmt.Fprintf(p.stderr, "callspan proxy: %v\nusage: callspan proxy [flags], see callspan proxy -h\n", err)
		return exitUsage
	}
	if err := o.serve(p, target); err != nil {
		code := exitFailed
		if i, ok := errors.AsType[interruption](err); ok {
			code = 128 + int(i.signal)
		}
		for line := range strings.Lines(err.Error()) {
			fmt.Fprintf(p.stderr, "callspan proxy: %s\n", visible.Line(strings.TrimSuffix(line, "\n")))
		}
		return code
	}
	return exitOK
}

func (o *proxyOptions) check(env func(string) string) (*url.URL, error) {
	target, err := url.Parse(o.target)
	switch {
	case err != nil:
		return nil, fmt.Errorf("--target: %w", err)
	case target.Scheme != "http" && target.Scheme != "https" || target.Host == "":
		return nil, fmt.Errorf("--target %q: use a URL such as https://api.openai.com", o.target)
	case target.Hostname() == "" || checkPort(portOf(target)) != nil || portOf(target) == "0":
		return nil, fmt.Errorf("--target %q: there is no such host and port", o.target)
	case target.User != nil || target.RawQuery != "" || target.Fragment != "":
		return nil, errors.New("--target: leave out user, query and fragment; keys come with the programs' requests")
	case o.drain < 0:
		return nil, fmt.Errorf("--drain %v: use 0 or more", o.drain)
	case o.otlpFile != "" && sdkDisabled(env):
		return nil, errNothingExported
	}
	host, port, err := net.SplitHostPort(o.listen)
	if err != nil {
		return nil, fmt.Errorf("--listen %q: use host:port", o.listen)
	}
	if err := checkPort(port); err != nil {
		return nil, fmt.Errorf("--listen %q: %w", o.listen, err)
	}
	if ip := net.ParseIP(host); !o.remote && host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("--listen %q can be reached from other machines, which could then use this proxy: add --allow-remote if that is meant", o.listen)
	}
	return target, receiversIn(env).check()
}

// serve runs the proxy until it is told to stop, and delivers what it traced.
func (o *proxyOptions) serve(p process, target *url.URL) (err error) {
	ctx, stop := p.interrupts(context.Background())
	defer stop()
	// First of all, so that a second proxy by mistake does nothing to the first.
	listener, err := net.Listen("tcp", o.listen)
	if err != nil {
		return err // which says that it is of listening, and where
	}
	defer listener.Close()
	if leadsBack(target, listener.Addr()) {
		return fmt.Errorf("--target %s is this proxy itself: a call would go round for ever", o.target)
	}
	signal.Ignore(syscall.SIGPIPE) // whoever reads what is printed, slowly or no more, is not in the way of calls
	opts := []tracing.Option{
		tracing.WithServiceName("callspan-proxy"),
		tracing.WithErrorHandler(func(err error) { fmt.Fprintf(p.stderr, "callspan: %s\n", visible.Line(err.Error())) }),
	}
	if o.content {
		opts = append(opts, tracing.WithContent(tracing.ContentBoth))
	}
	if o.otlpFile != "" {
		inbox, openErr := receive(ctx, o.otlpFile, false)
		if openErr != nil {
			return openErr
		}
		defer func() { err = errors.Join(err, inbox.close()) }()
		opts = append(opts, tracing.WithEndpoint("http://"+inbox.sink.Endpoint()))
		if receiversIn(p.env).any() {
			opts = append(opts, tracing.WithEndpoint(""))
		}
	}
	tracer, shutdown, err := tracing.Setup(ctx, opts...)
	if err != nil {
		return err
	}
	handlers := []callback.Handler{tracer}
	var calls *callback.Async
	if !o.quiet {
		calls = callback.NewAsync(callback.Log(slog.New(slog.NewTextHandler(p.stdout, nil))), callback.AsyncOptions{})
		handlers = append(handlers, calls)
	}
	fmt.Fprintf(p.stdout, "callspan proxy for %s\n%s%s\n", visible.URL(target.String()), saysURL, baseURL(target, listener.Addr()))
	if everywhere(listener.Addr()) {
		fmt.Fprintln(p.stdout, "on other machines, this one's name in place of 127.0.0.1")
	}
	send := newSender(http.DefaultTransport.(*http.Transport))
	defer send.CloseIdleConnections()
	g := newGate()
	server := &http.Server{Handler: g.count(o.handler(target, send, handlers, &g.closing)), ReadHeaderTimeout: 10 * time.Second,
		Protocols: plainProtocols(), ErrorLog: log.New(p.stderr, "callspan proxy: ", 0)}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()

	select {
	case err = <-served:
	case <-ctx.Done():
		stop() // a second interrupt ends the program at once
		down, cancel := context.WithTimeout(context.Background(), o.drain)
		g.wait(down)
		if server.Shutdown(down) != nil {
			server.Close() // cancels what is left, whose spans say so
			ends, enough := context.WithTimeout(context.Background(), 5*time.Second)
			g.wait(ends)
			enough()
		}
		cancel()
		<-served
	}
	down, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err = errors.Join(err, shutdown(down))
	if calls != nil {
		down, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		if calls.Close(down) != nil {
			err = errors.Join(err, errors.New("not every call's line could be printed"))
		}
	}
	return err
}

// plainProtocols returns what programs may speak without TLS: HTTP/1, and HTTP/2
// at once.
func plainProtocols() *http.Protocols {
	p := new(http.Protocols)
	p.SetHTTP1(true)
	p.SetUnencryptedHTTP2(true)
	return p
}
