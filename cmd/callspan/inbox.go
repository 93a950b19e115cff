package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/callspan/callspan/internal/otlpjson"
	"github.com/callspan/callspan/internal/otlpsink"
	colmetricspb "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
)

// An inbox is the receiver of the demo, with the file that it copies to.
type inbox struct {
	sink   *otlpsink.Sink
	file   *os.File // nil if there is none
	closed bool
}

// receive starts the receiver. Everything that arrives is written to the file
// at path at once, unless it is empty, and kept to be looked at if keep is set.
func receive(path string, keep bool) (*inbox, error) {
	b := &inbox{}
	var config otlpsink.Config
	if path != "" {
		f, err := os.Create(path)
		if err != nil {
			return nil, fmt.Errorf("--otlp-file: %w", err)
		}
		b.file = f
		w := otlpjson.NewWriter(f)
		// A receiver that cannot write refuses, so that the loss is counted.
		config.OnTraces = func(_ context.Context, r *coltracepb.ExportTraceServiceRequest) (*coltracepb.ExportTraceServiceResponse, error) {
			err := w.WriteTraces(r.ResourceSpans)
			if !keep {
				r.ResourceSpans = nil
			}
			return nil, err
		}
		config.OnMetrics = func(_ context.Context, r *colmetricspb.ExportMetricsServiceRequest) (*colmetricspb.ExportMetricsServiceResponse, error) {
			err := w.WriteMetrics(r.ResourceMetrics)
			if !keep {
				r.ResourceMetrics = nil
			}
			return nil, err
		}
	}
	var err error
	if b.sink, err = config.Start(); err != nil {
		return nil, errors.Join(err, b.close())
	}
	return b, nil
}

// close stops receiving and closes the file. Closing again does nothing.
func (b *inbox) close() error {
	if b.closed {
		return nil
	}
	b.closed = true
	if b.sink != nil {
		b.sink.Close()
	}
	if b.file != nil {
		if err := b.file.Close(); err != nil {
			return fmt.Errorf("--otlp-file: %w", err)
		}
	}
	return nil
}
