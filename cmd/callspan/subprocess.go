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

// A command is this program, running a second time.
type command struct {
	url string
	cmd *exec.Cmd
}

// saysURL comes before the URL that a server has, where it prints it.
const saysURL = "base URL for programs: "

// startCommand starts this program with args and waits until it says where it
// listens.
func startCommand(ctx context.Context, args []string, env ...string) (*command, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &command{cmd: exec.CommandContext(ctx, self, args...)}
	c.cmd.Env = append(os.Environ(), env...)
	c.cmd.Stderr = os.Stderr
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if _, url, ok := strings.Cut(lines.Text(), saysURL); ok {
			c.url = strings.TrimSuffix(url, "/v1")
			go io.Copy(io.Discard, out)
			return c, nil
		}
	}
	c.stop()
	return nil, errors.New("it did not start")
}

// stop interrupts it, where the system can, and waits for its end.
func (c *command) stop() {
	if c.cmd.Process.Signal(os.Interrupt) != nil {
		c.cmd.Process.Kill()
	}
	c.cmd.Wait()
}

// cpu returns what the proxy has used of the processors, on Linux.
func (c *command) cpu() (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", c.cmd.Process.Pid))
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
