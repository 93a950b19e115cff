package tracing

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

// TestFold: every chunk is in one group, in order; the first and the last are
// alone where there is room, and the groups are nearly equal.
func TestFold(t *testing.T) {
	for n := range 400 {
		for _, groups := range []int{1, 2, 3, 5, 32} {
			var ends []int
			at, smallest, largest := 0, n+1, 0
			fold(n, 20, groups, func(from, to int) {
				if from != at || to <= from {
					t.Fatalf("n=%d groups=%d: group [%d,%d) after %d", n, groups, from, to, at)
				}
				if at = to; from > 0 && to < n {
					smallest, largest = min(smallest, to-from), max(largest, to-from)
				}
				ends = append(ends, to)
			})
			if at != n || len(ends) > max(20, groups) {
				t.Fatalf("n=%d groups=%d: %d chunks in %d groups", n, groups, at, len(ends))
			}
			if n > 20 && n > groups && groups >= 3 {
				if ends[0] != 1 || ends[len(ends)-2] != n-1 || largest-smallest > 1 || len(ends) != groups {
					t.Fatalf("n=%d groups=%d: ends %v", n, groups, ends)
				}
			}
		}
	}
}

// events makes the events of logs with n chunks for each choice.
func events(t *testing.T, l eventLimits, others int, chunks ...int) []sdktrace.Event {
	t.Helper()
	exp := tracetest.NewInMemoryExporter()
	limits := sdktrace.NewSpanLimits()
	limits.EventCountLimit = -1
	tp := sdktrace.NewTracerProvider(sdktrace.WithSyncer(exp), sdktrace.WithRawSpanLimits(limits))
	_, span := tp.Tracer("test").Start(context.Background(), "x")
	var logs []*tokenLog
	for choice, n := range chunks {
		log := &tokenLog{choice: choice}
		for i := range n {
			log.at = append(log.at, time.Duration(i*1000+choice)*time.Microsecond)
		}
		logs = append(logs, log)
	}
	l.addEvents(span, time.Unix(0, 0), logs, others, contentLimits{maxText, maxAttribute})
	span.End()
	return exp.GetSpans()[0].Events
}

// TestEventsWithoutLoss: at any length and with any number of choices, every
// chunk's time is in the events, and there are never more of them than the
// span can hold.
func TestEventsWithoutLoss(t *testing.T) {
	many := slices.Repeat([]int{3}, 200)
	for _, tc := range []struct {
		name   string
		limits eventLimits
		others int
		chunks []int
		want   int // events
	}{
		{"nothing", eventLimits{96, 32, 128}, 0, nil, 0},
		{"one", eventLimits{96, 32, 128}, 0, []int{1}, 1},
		{"as many as fit singly", eventLimits{96, 32, 128}, 0, []int{96}, 96},
		{"one more", eventLimits{96, 32, 128}, 0, []int{97}, 32},
		{"long", eventLimits{96, 32, 128}, 0, []int{1000}, 32},
		{"very long", eventLimits{96, 32, 128}, 0, []int{20000}, 32},
		{"one each, limit lifted", eventLimits{1 << 30, 32, 0}, 0, []int{5000}, 5000},
		{"more asked for than the span holds", eventLimits{1000, 500, 128}, 0, []int{900}, 128},
		{"room for other events", eventLimits{1000, 500, 128}, 28, []int{900}, 100},
		{"no room left", eventLimits{96, 32, 10}, 10, []int{900}, 1},
		{"three choices", eventLimits{96, 32, 128}, 0, []int{90, 100, 1}, 32 + 32 + 1},
		{"more choices than events", eventLimits{96, 32, 128}, 0, many, 32},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := events(t, tc.limits, tc.others, tc.chunks...)
			if len(got) != tc.want {
				t.Errorf("%d events, want %d", len(got), tc.want)
			}
			total, offsets := 0, 0
			for _, n := range tc.chunks {
				total += n
			}
			for _, e := range got {
				for _, a := range e.Attributes {
					if a.Key == keyTokenOffsets {
						if at := a.Value.AsInt64Slice(); e.Time.UnixMicro() != at[0] || !slices.IsSorted(at) {
							t.Errorf("event at %d µs with offsets %v", e.Time.UnixMicro(), at)
						}
						offsets += len(a.Value.AsInt64Slice())
					}
				}
			}
			if offsets != total {
				t.Errorf("%d offsets, want %d", offsets, total)
			}
			if len(got) > 0 && got[0].Name != eventFirstToken {
				t.Errorf("first event is %q", got[0].Name)
			}
		})
	}
}

// TestChoiceOfEvents: with several choices each event names its own.
func TestChoiceOfEvents(t *testing.T) {
	set := func(e sdktrace.Event) string {
		s := attribute.NewSet(e.Attributes...)
		v, _ := s.Value(keyTokenChoice)
		return fmt.Sprint(e.Name, " ", v.AsInt64())
	}
	got := events(t, eventLimits{96, 32, 128}, 0, 2, 1)
	if want := []string{"first_token 0", "token 0", "first_token 1"}; len(got) != 3 || set(got[0]) != want[0] || set(got[1]) != want[1] || set(got[2]) != want[2] {
		t.Errorf("events %v", got)
	}
}
