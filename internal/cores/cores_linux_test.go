package cores

import (
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"unsafe"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) {
	if os.Getenv(deniedVariable) == "1" {
		deny()
	}
	goleak.VerifyTestMain(m)
}

const deniedVariable = "CALLSPAN_TEST_DENIED"

// deny runs this test binary anew, where the system does not let a process choose
// its cores, as in some containers. It returns if that cannot be.
func deny() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS}, // the call's number
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_SCHED_SETAFFINITY, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != nil ||
		unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&program)), 0, 0) != nil {
		return
	}
	os.Setenv(deniedVariable, "2")
	_ = unix.Exec("/proc/self/exe", os.Args, os.Environ())
}

// TestDenied: where the system forbids it, nothing is divided.
func TestDenied(t *testing.T) {
	switch os.Getenv(deniedVariable) {
	case "":
		cmd := exec.Command("/proc/self/exe", "-test.run=^TestDenied$")
		cmd.Env = append(os.Environ(), deniedVariable+"=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	case "1":
		t.Skip("the system cannot forbid it")
	default:
		if s := New(1); s != nil {
			t.Errorf("%+v", s)
		}
	}
}

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
	if s == nil && unix.SchedSetaffinity(0, &before) != nil {
		t.Skip("the system lets no process choose its cores")
	}
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
