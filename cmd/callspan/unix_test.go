//go:build unix

package main

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// TestInboxBlockedFile: a pipe that nobody reads does not hold the end up, and
// what arrived is kept.
func TestInboxBlockedFile(t *testing.T) {
	for name, keep := range map[string]bool{"kept": true, "passed on": false} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "pipe")
			if err := syscall.Mkfifo(path, 0o600); err != nil {
				t.Fatal(err)
			}
			other, err := syscall.Open(path, syscall.O_RDWR|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer syscall.Close(other)
			for err == nil { // until it is full
				_, err = syscall.Write(other, make([]byte, 4096))
			}
			if !errors.Is(err, syscall.EAGAIN) {
				t.Fatal(err)
			}
			b, err := receive(t.Context(), path, keep)
			if err != nil {
				t.Fatal(err)
			}
			conn, err := grpc.NewClient(b.sink.Endpoint(), grpc.WithTransportCredentials(insecure.NewCredentials()))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			sent, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			if !keep {
				sent, cancel = context.WithTimeout(t.Context(), 200*time.Millisecond)
				defer cancel()
			}
			_, err = coltracepb.NewTraceServiceClient(conn).Export(sent, &coltracepb.ExportTraceServiceRequest{ResourceSpans: []*tracepb.ResourceSpans{{}}})
			if (err == nil) != keep {
				t.Errorf("sent with %v", err)
			}
			ended, end := context.WithCancel(t.Context())
			end() // as Ctrl-C does
			if err := b.closeWithin(ended); err == nil || err.Error() != "--otlp-file "+path+" is not whole: it takes no more; does its reader read?" {
				t.Errorf("closed with %v", err)
			}
			if keep != (len(b.sink.Data().Traces) == 1) {
				t.Errorf("%d kept", len(b.sink.Data().Traces))
			}
		})
	}
}

// TestSignals: the exit code is that of the signal, and the trace is shown.
func TestSignals(t *testing.T) {
	for signal, want := range map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143} {
		t.Run(signal.String(), func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "demo", "--lang", "en", "--speed", "10")
			cmd.Env = append(os.Environ(), asCommand+"=1")
			stdout, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			var out strings.Builder
			r := bufio.NewReader(stdout)
			for !strings.Contains(out.String(), "Happy") {
				c, err := r.ReadByte()
				if err != nil {
					t.Fatalf("%v after %s", err, out.String())
				}
				out.WriteByte(c)
			}
			cmd.Process.Signal(signal)
			r.WriteTo(&out)
			exit, _ := errors.AsType[*exec.ExitError](cmd.Wait())
			if exit == nil || exit.ExitCode() != want {
				t.Errorf("exit %v, want %d", exit, want)
			}
			if !strings.Contains(out.String(), "! canceled: ") {
				t.Errorf("no trace in\n%s", out.String())
			}
		})
	}
}

// TestUnreadPipe: a pipe that nobody reads is waited for until Ctrl-C.
func TestUnreadPipe(t *testing.T) {
	for verb, args := range map[string][]string{"demo": nil, "proxy": {"--listen", "127.0.0.1:0"}} {
		t.Run(verb, func(t *testing.T) {
			before := goleak.IgnoreCurrent()
			path := filepath.Join(t.TempDir(), "pipe")
			if err := syscall.Mkfifo(path, 0o600); err != nil {
				t.Fatal(err)
			}
			code, out, stderr := callWith(t, nil, func(ctx context.Context) (context.Context, context.CancelFunc) {
				ctx, cancel := context.WithCancelCause(ctx)
				time.AfterFunc(100*time.Millisecond, func() { cancel(interruption{syscall.SIGTERM}) })
				return ctx, func() { cancel(nil) }
			}, append([]string{verb, "--otlp-file", path}, args...)...)
			if code != 143 || out != "" || stderr != "callspan "+verb+": --otlp-file: open "+path+": terminated received before anybody read it\n" {
				t.Errorf("exit %d, %q, %q", code, out, stderr)
			}
			reader, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // lets the one go that still opens it
			if err != nil {
				t.Fatal(err)
			}
			defer reader.Close()
			for try := 0; goleak.Find(before) != nil; try++ { // it may not have come to open it
				if try == 60 {
					t.Fatal("the pipe is still being opened")
				}
			}
		})
	}
}
