package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/callspan/callspan/internal/otlpjson"
	"github.com/callspan/callspan/internal/otlpsink"
	colmetricspb "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
)

// An inbox is a receiver in this process, with the file that it copies to.
type inbox struct {
	sink   *otlpsink.Sink
	path   string
	file   *os.File          // nil if there is none
	keep   bool              // what arrives can be looked at
	writes chan func() error // to the file; used if keep is set
	done   chan struct{}     // closed when they are done
	failed error             // why the file is not whole; valid when done
	closed bool
}

// maxWrites is how many writes to a file may wait for a reader that is slow.
const maxWrites = 1024

// receive starts the receiver. Everything that arrives is written to the file
// at path at once, unless it is empty. With keep the file is new, and what arrives
// is kept to be looked at too, whatever becomes of the file; else it comes after
// what is there, and what cannot be written is refused, so that the sender counts
// the loss. A pipe is waited for until somebody reads it or ctx ends.
func receive(ctx context.Context, path string, keep bool) (*inbox, error) {
	b := &inbox{path: path, keep: keep, writes: make(chan func() error, maxWrites), done: make(chan struct{})}
	var config otlpsink.Config
	if path != "" {
		f, err := openWithin(ctx, path, keep)
		if err != nil {
			return nil, fmt.Errorf("--otlp-file: %w", err)
		}
		b.file = f
		w := otlpjson.NewWriter(f)
		config.OnTraces = func(_ context.Context, r *coltracepb.ExportTraceServiceRequest) (*coltracepb.ExportTraceServiceResponse, error) {
			spans := r.ResourceSpans
			if !keep {
				r.ResourceSpans = nil
			}
			return nil, b.write(func() error { return w.WriteTraces(spans) })
		}
		config.OnMetrics = func(_ context.Context, r *colmetricspb.ExportMetricsServiceRequest) (*colmetricspb.ExportMetricsServiceResponse, error) {
			metrics := r.ResourceMetrics
			if !keep {
				r.ResourceMetrics = nil
			}
			return nil, b.write(func() error { return w.WriteMetrics(metrics) })
		}
	}
	go func() {
		defer close(b.done)
		for write := range b.writes {
			if b.failed == nil { // what follows a broken line cannot be read
				b.failed = write()
			}
		}
	}()
	var err error
	if b.sink, err = config.Start(); err != nil {
		return nil, errors.Join(err, b.close())
	}
	return b, nil
}

// openWithin is openFile, which waits where the file is a pipe that nobody reads,
// until ctx ends. Whatever is opened after that is closed.
func openWithin(ctx context.Context, path string, fresh bool) (*os.File, error) {
	type opened struct {
		file *os.File
		err  error
	}
	done := make(chan opened)
	go func() {
		f, err := openFile(path, fresh)
		select {
		case done <- opened{f, err}:
		case <-ctx.Done():
			if err == nil {
				f.Close()
			}
		}
	}()
	select {
	case o := <-done:
		return o.file, o.err
	case <-ctx.Done():
		return nil, fmt.Errorf("open %s: %w before anybody read it", path, context.Cause(ctx))
	}
}

// openFile opens a file that its owner alone may read, for it may tell what was
// said. If it is not made new, what is written begins on a line of its own.
func openFile(path string, fresh bool) (*os.File, error) {
	const owner = 0o600
	if fresh {
		return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, owner)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, owner)
	if err != nil {
		return nil, err
	}
	if midLine(path) {
		if _, err := f.WriteString("\n"); err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
	return f, nil
}

// midLine reports whether the file at path ends within a line.
func midLine(path string) bool {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
		return false
	}
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	last := make([]byte, 1)
	_, err = f.ReadAt(last, info.Size()-1)
	return err == nil && last[0] != '\n'
}

func (b *inbox) write(f func() error) error {
	if !b.keep {
		return f()
	}
	b.writes <- f
	return nil
}

// waitRoot waits until a trace is complete: a root ends after all that is below
// it, and spans arrive in the order of their ends. It waits a second at most.
func (b *inbox) waitRoot(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	_ = b.sink.Wait(ctx, func(d *otlpjson.Data) bool {
		for _, s := range d.Spans() {
			if len(s.ParentSpanId) == 0 {
				return true
			}
		}
		return false
	})
}

// close is closeWithin for those who do not want to end the waiting.
func (b *inbox) close() error { return b.closeWithin(context.Background()) }

// closeWithin stops receiving and closes the file. It waits for a file that takes
// nothing, such as a pipe whose reader sleeps, until ctx ends, at most drainLimit,
// and returns an error if not all is in the file. Closing again does nothing.
func (b *inbox) closeWithin(ctx context.Context) error {
	if b.closed {
		return nil
	}
	b.closed = true
	go func() {
		if b.sink != nil {
			b.sink.Close()
		}
		close(b.writes)
	}()
	ctx, cancel := context.WithTimeout(ctx, drainLimit)
	defer cancel()
	whole := true
	select {
	case <-b.done:
	case <-ctx.Done():
		whole = false
	}
	if b.file == nil {
		return nil
	}
	if !whole {
		_ = b.file.SetWriteDeadline(time.Unix(1, 0)) // ends a write that waits
		select {
		case <-b.done:
		case <-time.After(time.Second): // a file without deadlines is left to itself
			return b.broken(os.ErrDeadlineExceeded)
		}
	}
	err := b.file.Close()
	switch {
	case b.failed != nil:
		err = b.failed
	case !whole:
		err = os.ErrDeadlineExceeded
	}
	return b.broken(err)
}

// broken says why the file is not whole.
func (b *inbox) broken(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("--otlp-file %s is not whole: it takes no more; does its reader read?", b.path)
	}
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		err = path.Err
	}
	return fmt.Errorf("--otlp-file %s is not whole: %w", b.path, err)
}
