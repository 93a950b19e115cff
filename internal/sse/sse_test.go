package sse_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/callspan/callspan/internal/sse"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// split gives stream to a splitter in pieces of the sizes that next returns.
func split(stream []byte, limit int, next func() int) (events []string, missed int) {
	s := sse.Splitter{Limit: limit, Emit: func(e sse.Event) {
		line := string(e.Name) + "|" + string(e.Data)
		if e.Cut {
			line += "|cut"
		}
		events = append(events, line)
	}}
	for rest := stream; len(rest) > 0; {
		n := min(max(next(), 1), len(rest))
		piece := bytes.Clone(rest[:n])
		s.Write(piece)
		for i := range piece {
			piece[i] = 'x' // the caller's buffer is used again
		}
		rest = rest[n:]
	}
	s.Close()
	return events, s.Missed()
}

func whole(stream string) []string {
	events, _ := split([]byte(stream), 0, func() int { return len(stream) })
	return events
}

func TestSplitter(t *testing.T) {
	for _, tc := range []struct {
		name, stream string
		want         []string
	}{
		{"one", "data: a\n\n", []string{"|a"}},
		{"without a space", "data:a\n\n", []string{"|a"}},
		{"one space only is taken off", "data:  a\n\n", []string{"| a"}},
		{"CRLF", "data: a\r\n\r\ndata: b\r\n\r\n", []string{"|a", "|b"}},
		{"CR", "data: a\r\rdata: b\r\r", []string{"|a", "|b"}},
		{"several lines", "data: a\ndata: b\n\n", []string{"|a\nb"}},
		{"an empty line of data", "data\n\n", []string{"|"}},
		{"named", "event: error\ndata: a\n\ndata: b\n\n", []string{"error|a", "|b"}},
		{"a name without data", "event: ping\n\ndata: a\n\n", []string{"|a"}},
		{"comments", ": ping\n\n:\ndata: a\n: more\n\n", []string{"|a"}},
		{"other fields", "id: 7\nretry: 5\ndata: a\n\n", []string{"|a"}},
		{"an error of llama.cpp", "data: a\n\nerror: {}\n\nerror: a\n\n", []string{"|a", "error|{}"}},
		{"byte order mark", "\xEF\xBB\xBFdata: a\n\n", []string{"|a"}},
		{"a mark later is text", "data: a\n\n\xEF\xBB\xBFdata: b\n\n", []string{"|a"}},
		{"no empty line at the end", "data: a\n", []string{"|a|cut"}},
		{"no line feed at the end", "data: a\n\ndata: b", []string{"|a", "|b|cut"}},
		{"nothing", "", nil},
		{"no events", "<html>\n\n</html>\n", nil},
		{"not UTF-8", "data: \xff\xfe\n\n", []string{"|\xff\xfe"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for size := 1; size <= len(tc.stream)+1; size++ {
				got, _ := split([]byte(tc.stream), 0, func() int { return size })
				if !slices.Equal(got, tc.want) {
					t.Errorf("in pieces of %d: %q, want %q", size, got, tc.want)
				}
			}
		})
	}
}

// TestWhole: a line that is an event by itself does not wait for an empty one.
func TestWhole(t *testing.T) {
	for _, tc := range []struct {
		name, stream string
		want         []string
	}{
		{"the empty line is late", "data: {}\n", []string{"|{}"}},
		{"there is none", "event: a\ndata: {}\ndata: {}\n\ndata: {}\n", []string{"a|{}", "|{}", "|{}"}},
		{"not by itself", "data: {\ndata: }\n", nil},
		{"after one that is not", "data: {\ndata: {}\n", nil},
		{"no line end", "data: {}", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for size := 1; size <= len(tc.stream); size++ {
				var got []string
				s := sse.Splitter{Whole: func(data []byte) bool { return string(data) == "{}" }, Emit: func(e sse.Event) {
					got = append(got, string(e.Name)+"|"+string(e.Data))
				}}
				for piece := range slices.Chunk([]byte(tc.stream), size) {
					s.Write(piece)
				}
				if !slices.Equal(got, tc.want) {
					t.Errorf("in pieces of %d: %q, want %q", size, got, tc.want)
				}
			}
		})
	}
}

// TestLimit: what is too long is left out and counted, and what follows is read.
func TestLimit(t *testing.T) {
	long := strings.Repeat("x", 10<<20)
	stream := []byte("data: a\n\ndata: " + long + "\n\ndata: b\n\ndata: " + long[:600] + "\ndata: " + long[:600] + "\n\ndata: c\n\n")
	for _, size := range []int{1 << 10, 32 << 10, len(stream)} {
		got, missed := split(stream, 1000, func() int { return size })
		if want := []string{"|a", "|b", "|c"}; !slices.Equal(got, want) || missed != 2 {
			t.Errorf("in pieces of %d: %.80q, %d missed", size, got, missed)
		}
	}
	got, missed := split(stream, 32<<20, func() int { return 4096 })
	if len(got) != 5 || missed != 0 || len(got[1]) != len(long)+1 {
		t.Errorf("%d events, %d missed", len(got), missed)
	}
}

// FuzzSplitter: the pieces in which a stream arrives change nothing.
func FuzzSplitter(f *testing.F) {
	f.Add([]byte("data: a\r\n\r\nevent: e\rdata: b\r\r: c\ndata: d\ndata: e"), uint64(1))
	f.Add([]byte("\xEF\xBB\xBFdata\n\n"), uint64(2))
	f.Fuzz(func(t *testing.T, stream []byte, seed uint64) {
		want := whole(string(stream))
		r := rand.New(rand.NewPCG(seed, 1))
		got, _ := split(stream, 0, func() int { return 1 + r.IntN(7) })
		if !slices.Equal(got, want) {
			t.Errorf("in pieces %q, whole %q", got, want)
		}
	})
}

func TestAllocations(t *testing.T) {
	stream := []byte(strings.Repeat("data: {\"choices\":[]}\n\n", 100))
	n := 0
	s := sse.Splitter{Emit: func(sse.Event) { n++ }}
	if got := testing.AllocsPerRun(10, func() { s.Write(stream) }); got > 0 || n == 0 {
		t.Errorf("%v allocations, %d events", got, n)
	}
}

func BenchmarkSplitter(b *testing.B) {
	stream := []byte(strings.Repeat(fmt.Sprintf("data: {\"id\":%q}\n\n", strings.Repeat("x", 200)), 100))
	s := sse.Splitter{Emit: func(sse.Event) {}}
	b.SetBytes(int64(len(stream)))
	b.ReportAllocs()
	for b.Loop() {
		s.Write(stream)
	}
}
