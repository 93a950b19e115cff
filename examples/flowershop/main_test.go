package main

import (
	"context"
	"log"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callspan/callspan/internal/testenv"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	testenv.Clear()
	goleak.VerifyTestMain(m)
}

// A console is written to by several goroutines.
type console struct {
	mu   sync.Mutex
	text strings.Builder
	done chan struct{} // closed when the answer is complete
}

func (c *console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if strings.HasPrefix(string(p), "回答完毕") {
		close(c.done)
	}
	return c.text.Write(p)
}

// TestRun: each token is printed as it comes, and the slow handler, which here
// waits for the whole answer, does not hold the stream up.
func TestRun(t *testing.T) {
	t.Setenv("OPENAI_API_KEY", "")
	c := &console{done: make(chan struct{})}
	err := run(context.Background(), c, func() {
		select {
		case <-c.done:
		case <-time.After(30 * time.Second):
			log.Print("the stream waits for the slow handler")
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(c.text.String()), "\n")
	n := len(lines)
	if n < 20 {
		t.Fatalf("%d lines:\n%s", n, c.text.String())
	}
	var said string
	for _, line := range lines[:n-3] {
		token, ok := strings.CutPrefix(line, "正在获取鲜花数据: token: ")
		if !ok {
			t.Errorf("line %q among the tokens", line)
		}
		said += token
	}
	const answer = "生日送花推荐：玫瑰表达爱意，百合象征祝福，向日葵寓意阳光与活力。"
	if said != answer {
		t.Errorf("tokens add up to %q", said)
	}
	for i, want := range []string{"回答完毕: " + answer, "已取到花店的库存数据", "已记录这次咨询: 58 个 token, $0.0000"} {
		if got := lines[n-3+i]; !strings.HasPrefix(got, want) {
			t.Errorf("line %q, want %q", got, want)
		}
	}
}
