package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// A server is this program, serving something while it measures.
type server struct {
	url  string
	stop func()                        // waits for its end
	cpu  func() (time.Duration, error) // what its process has used
}

// saysURL comes before the URL that a server has, where it prints it.
const saysURL = "base URL for programs: "

var errNoURL = errors.New("it did not start")

// readURL returns the URL that a server prints, and leaves the rest of what it
// prints aside.
func readURL(printed io.Reader) (string, error) {
	lines := bufio.NewScanner(printed)
	for lines.Scan() {
		if _, url, ok := strings.Cut(lines.Text(), saysURL); ok {
			go io.Copy(io.Discard, printed)
			return strings.TrimSuffix(url, "/v1"), nil
		}
	}
	return "", errNoURL
}

// serveHere runs this program's command with args in this process.
func serveHere(args []string, p process) (*server, error) {
	ctx, interrupt := context.WithCancel(context.Background())
	r, w := io.Pipe()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer w.Close()
		run(args, process{stdout: w, stderr: p.stderr, env: p.env, interrupts: func(context.Context) (context.Context, context.CancelFunc) {
			return context.WithCancel(ctx)
		}})
	}()
	s := &server{
		stop: func() { interrupt(); <-ended },
		cpu:  func() (time.Duration, error) { return 0, errors.New("shared with the client") },
	}
	var err error
	if s.url, err = readURL(r); err != nil {
		s.stop()
	}
	return s, err
}

// serveApart runs this program with args in a process of its own, which start
// starts.
func serveApart(ctx context.Context, args []string, start func(*exec.Cmd) error, env ...string) (*server, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := start(cmd); err != nil {
		return nil, err
	}
	s := &server{
		stop: func() {
			if cmd.Process.Signal(os.Interrupt) != nil { // where the system has no such thing
				cmd.Process.Kill()
			}
			cmd.Wait()
		},
		cpu: func() (time.Duration, error) { return cpuOf(cmd.Process.Pid) },
	}
	if s.url, err = readURL(out); err != nil {
		s.stop()
	}
	return s, err
}

// cpuOf returns what a process has used of the processors, on Linux.
func cpuOf(pid int) (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(after)
	if len(fields) < 13 {
		return 0, errors.New("unknown form of /proc/pid/stat")
	}
	var ticks int64
	for _, f := range fields[11:13] {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond, nil // USER_HZ is 100 wherever Go runs
}
