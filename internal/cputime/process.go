package cputime

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// OtherProcess runs this test binary again with the variable set, as a server
// whose work is not counted here, and returns the first line that it prints.
// Its TestMain looks for the variable and calls [Serve]. It ends with the test.
func OtherProcess(t testing.TB, variable, value string) string {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), variable+"="+value)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close() // tells it to end
		if err := cmd.Wait(); err != nil {
			t.Errorf("other process: %v", err)
		}
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("other process: %v", err)
	}
	return strings.TrimSpace(line)
}

// Serve prints line, for the process that called [OtherProcess], and returns
// when that process is done.
func Serve(line string) {
	os.Stdout.WriteString(line + "\n")
	io.Copy(io.Discard, os.Stdin)
}
