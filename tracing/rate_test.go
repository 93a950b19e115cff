package tracing_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/internal/cputime"
	"github.com/callspan/callspan/internal/otlpsink"
	"github.com/callspan/callspan/llm"
	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
)

const receiveVariable = "CALLSPAN_TEST_RECEIVE"

// receive takes spans and forgets them, until its input ends.
func receive() {
	s, err := otlpsink.Config{OnTraces: func(_ context.Context, r *coltracepb.ExportTraceServiceRequest) (*coltracepb.ExportTraceServiceResponse, error) {
		r.ResourceSpans = nil
		return nil, nil
	}}.Start()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	defer s.Close()
	cputime.Serve("http://" + s.Endpoint())
}

// TestExportRate sends 1,000 calls of 1,000 tokens a second for five seconds to
// a receiver in another process. None may be lost.
func TestExportRate(t *testing.T) {
	if !*ratio {
		t.Skip("runs for five seconds; run with -ratio")
	}
	ctx, shutdown, rep := setup(t, cputime.OtherProcess(t, receiveVariable, "1"))
	const perSecond, seconds, tokens = 1000, 5, 1000
	m := callback.Model(scripted{chunks: append(slices.Repeat([]llm.Chunk{{Text: " rose"}}, tokens), done), provider: "openai"})
	req := ask("roses")
	cpu, begin := cputime.Process(), time.Now()
	for i := range perSecond * seconds {
		if wait := time.Until(begin.Add(time.Duration(i) * time.Second / perSecond)); wait > 0 {
			time.Sleep(wait)
		}
		for range m.Chat(ctx, req) {
		}
	}
	took := time.Since(begin)
	err := shutdown(10 * time.Second)
	used := cputime.Process() - cpu
	t.Logf("RATE {\"calls_per_second\":%.0f,\"tokens\":%d,\"cpu_share_of_one_core\":%.2f,\"us_per_call\":%.0f,\"lost\":%v}",
		perSecond*seconds/took.Seconds(), tokens, used.Seconds()/took.Seconds(), used.Seconds()/(perSecond*seconds)*1e6, err != nil)
	if err != nil || len(rep.all) > 0 {
		t.Errorf("shutdown %v, reports %v", err, rep.all)
	}
}
