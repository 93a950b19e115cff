package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// A process is what a verb knows of its surroundings, so that tests can make
// their own.
type process struct {
	stdout, stderr io.Writer
	env            func(string) string
	interrupts     func(context.Context) (context.Context, context.CancelFunc)
}

func std() process {
	return process{
		stdout: os.Stdout, stderr: os.Stderr, env: os.Getenv,
		interrupts: interrupts,
	}
}

// An interruption is the cause of a context that a signal ended.
type interruption struct{ signal syscall.Signal }

// Error names the signal.
func (i interruption) Error() string { return i.signal.String() + " received" }

// Is has an interruption be a cancellation, for whoever tells errors apart.
func (i interruption) Is(target error) bool { return target == context.Canceled }

// interrupts returns a context that Ctrl-C ends, SIGTERM, and the end of
// the terminal. After the call of stop they end the program again.
func interrupts(ctx context.Context) (_ context.Context, stop context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	received := make(chan os.Signal, 1)
	signal.Notify(received, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // as nohup has it
		signal.Notify(received, syscall.SIGHUP)
	}
	go func() {
		select {
		case s := <-received:
			n, _ := s.(syscall.Signal)
			cancel(interruption{n})
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		cancel(nil)
		signal.Stop(received)
	}
}

// Exit codes.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130 // as a shell says it of SIGINT
)

// exitInterruptedBy returns the exit code for a context that an interrupt ended,
// as a shell says it of the signal: 143 for SIGTERM.
func exitInterruptedBy(ctx context.Context) int {
	if i, ok := errors.AsType[interruption](context.Cause(ctx)); ok && i.signal > 0 {
		return 128 + int(i.signal)
	}
	return exitInterrupted
}

// A verb is a subcommand.
type verb struct {
	name, about string
	run         func(args []string, p process) int
}

func verbs() []verb {
	return []verb{
		{"demo", "stream a conversation and show its trace: tree, tokens, money", demo},
		{"doctor", "check the way of a span to its receiver, and say how to mend it", doctor},
		{"proxy", "trace and price the calls of programs in any language", proxy},
		{"bench", "measure what the proxy adds to a stream", bench},
		{"version", "print the version of this command", version},
	}
}

// run runs the command. What it could not print is an error.
func run(args []string, p process) int {
	out := &output{w: p.stdout}
	p.stdout = out
	code := dispatch(args, p)
	if err := out.err(); err != nil {
		fmt.Fprintf(p.stderr, "callspan: print: %v\n", err)
		if code == exitOK {
			code = exitFailed
		}
	}
	return code
}

func dispatch(args []string, p process) int {
	name := "help"
	if len(args) > 0 {
		name, args = args[0], args[1:]
	}
	for _, v := range verbs() {
		if v.name == name {
			return v.run(args, p)
		}
	}
	if name == "help" && len(args) > 0 {
		return dispatch([]string{args[0], "-h"}, p)
	}
	switch name {
	case "help", "-h", "-help", "--help":
		help(p.stdout)
		return exitOK
	case "-version", "--version":
		return version(nil, p)
	}
	fmt.Fprintf(p.stderr, "callspan: unknown command %q\nusage: callspan demo|doctor|proxy|bench|version|help\n", name)
	return exitUsage
}

func help(w io.Writer) {
	fmt.Fprint(w, "callspan makes language-model calls visible: every call a span, every token on it, its cost too.\n\nusage: callspan <command> [flags]\n\n")
	for _, v := range verbs() {
		fmt.Fprintf(w, "  %-10s%s\n", v.name, v.about)
	}
	fmt.Fprint(w, "\nStart with:\n\n  callspan demo\n\nFlags of a command: callspan <command> -h\n")
}

// flags parses args for a verb. done says that there is nothing left to do but
// to exit with code.
func flags(fs *flag.FlagSet, args []string, p process, about string) (code int, done bool) {
	fs.SetOutput(io.Discard)
	err := fs.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(p.stdout, about)
		fs.SetOutput(p.stdout)
		fs.PrintDefaults()
		return exitOK, true
	case err == nil && fs.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", fs.Arg(0))
	}
	if err != nil {
		takes := ""
		fs.VisitAll(func(*flag.Flag) { takes = " [flags]" })
		fmt.Fprintf(p.stderr, "callspan %s: %v\nusage: callspan %s%s, see callspan %s -h\n", fs.Name(), err, fs.Name(), takes, fs.Name())
		return exitUsage, true
	}
	return exitOK, false
}
