package cores

import (
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// allowed returns the cores that /proc says a process may use.
func allowed(t *testing.T, status []byte) string {
	t.Helper()
	_, after, ok := strings.Cut(string(status), "Cpus_allowed_list:")
	if !ok {
		t.Fatalf("no cores in %s", status)
	}
	line, _, _ := strings.Cut(after, "\n")
	return strings.TrimSpace(line)
}

func TestSplit(t *testing.T) {
	if runtime.NumCPU() < 2 {
		t.Skip("needs two cores")
	}
	before, err := current()
	if err != nil {
		t.Fatal(err)
	}
	s := New(1)
	if s == nil || s.server.Count() != 1 || s.others.Count() != before.Count()-1 {
		t.Fatalf("split of %d cores: %+v", before.Count(), s)
	}
	restore, err := s.Leave()
	if err != nil {
		t.Fatal(err)
	}
	defer restore()
	if now, _ := current(); now != s.others {
		t.Errorf("this process runs on %v, want %v", now, s.others)
	}

	cmd := exec.Command("cat", "/proc/self/status")
	out := new(strings.Builder)
	cmd.Stdout = out
	if err := s.Start(cmd); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	other, err := exec.Command("cat", "/proc/self/status").Output()
	if err != nil {
		t.Fatal(err)
	}
	server, rest := allowed(t, []byte(out.String())), allowed(t, other)
	if server == rest || strings.ContainsAny(server, ",-") {
		t.Errorf("the server may use %q, others %q", server, rest)
	}

	restore()
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	for _, thread := range threads {
		status, err := os.ReadFile("/proc/self/task/" + thread.Name() + "/status")
		if err != nil {
			continue // it has ended
		}
		if got := allowed(t, status); got == rest || got == server {
			t.Errorf("thread %s is left on %q", thread.Name(), got)
		}
	}
}

func TestTooFew(t *testing.T) {
	for _, n := range []int{-1, 0, runtime.NumCPU(), runtime.NumCPU() + 1, 1 << 20} {
		if s := New(n); s != nil {
			t.Errorf("%d cores of %d: %+v", n, runtime.NumCPU(), s)
		}
	}
	var s *Split
	restore, err := s.Leave()
	if err != nil {
		t.Fatal(err)
	}
	restore()
	cmd := exec.Command("true")
	if err := s.Start(cmd); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if _, err := (&Split{}).Leave(); err == nil {
		t.Error("no error for a set without a core")
	}
	var none unix.CPUSet
	if err := (&Split{server: none}).Start(exec.Command("true")); err == nil {
		t.Error("started without a core")
	}
}
