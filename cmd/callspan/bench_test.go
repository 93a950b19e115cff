package main

import (
	"io"
	"strings"
	"testing"
	"time"
)

func TestBench(t *testing.T) {
	t.Setenv(asCommand, "1")
	t.Setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://127.0.0.1:9") // is somebody's own
	t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
	code, out, stderr := call(t, nil, "bench", "proxy", "--streams", "5", "--rate", "20", "--time", "300ms", "--calls", "3")
	if code != exitOK || stderr != "" {
		t.Fatalf("exit %d, stderr %s", code, stderr)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) != 15 || lines[0] != "first chunk, median of 3 calls one after the other" ||
		!strings.HasPrefix(lines[8], "5 streams of 20 chunks a second for 300ms, each way after the other; cores: 1, ") {
		t.Fatalf("%d lines: %s", len(lines), out)
	}
	for i, way := range []string{"target alone", "relay of bytes", "bare reverse proxy", "callspan proxy"} {
		for _, line := range []string{lines[3+i], lines[11+i]} {
			if !strings.HasPrefix(strings.TrimSpace(line), way) || strings.Contains(line, " 0s ") {
				t.Errorf("line %q, want the times of the %s", line, way)
			}
		}
		if fields := strings.Fields(strings.TrimPrefix(strings.TrimSpace(lines[11+i]), way)); len(fields) == 0 || fields[0] != "30" {
			t.Errorf("line %q, want 30 chunks", lines[11+i])
		}
	}
}

func TestBenchUsage(t *testing.T) {
	for _, args := range [][]string{{"bench"}, {"bench", "tokens"}, {"bench", "proxy", "--streams", "0"}, {"bench", "proxy", "--rate", "-1"}, {"bench", "proxy", "--rate", "Inf"}} {
		if code, _, stderr := call(t, nil, args...); code != exitUsage || !strings.Contains(stderr, "usage: callspan bench proxy") {
			t.Errorf("%v: exit %d, %s", args, code, stderr)
		}
	}
	for _, args := range [][]string{{"bench", "target", "fast"}, {"bench", "bare", "nowhere"}, {"bench", "relay", "nowhere"}} {
		if code, _, stderr := call(t, nil, args...); code != exitUsage || !strings.Contains(stderr, args[2]) {
			t.Errorf("%v: exit %d, %s", args, code, stderr)
		}
	}
}

// TestBenchServerHangsUp: a server of bench that has stopped has no connection.
func TestBenchServerHangsUp(t *testing.T) {
	for range 100 { // the end of listening and that of connections once raced
		s, err := serveHere([]string{"bench", benchTarget, "1000"}, process{})
		if err != nil {
			t.Fatal(err)
		}
		c, err := dial(t.Context(), s.url)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.call(1); err != nil {
			t.Error(err)
		}
		s.stop()
		c.conn.SetReadDeadline(time.Now().Add(5 * time.Second))
		if _, err := c.in.ReadByte(); err != io.EOF {
			t.Fatalf("reading from a server that has stopped: %v", err)
		}
		c.close()
	}
}

// TestBenchFailure: many streams that fail the same way are told in one line.
func TestBenchFailure(t *testing.T) {
	o := benchOptions{streams: 50, rate: 1000, time: time.Millisecond}
	_, _, err := o.load(t.Context(), &server{url: "http://127.0.0.1:9", cpu: func() (time.Duration, error) { return 0, nil }})
	if err == nil || !strings.HasPrefix(err.Error(), "50 of 50 streams failed, one with: dial ") || len(err.Error()) > 300 {
		t.Errorf("%v", err)
	}
}
