package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/callspan/callspan/internal/standin"
	"github.com/callspan/callspan/internal/testenv"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" { // bench starts the command a second time
		os.Exit(run(os.Args[1:], std()))
	}
	testenv.Clear()
	goleak.VerifyTestMain(m)
}

const asCommand = "CALLSPAN_TEST_AS_COMMAND"

// call runs the command with the given environment.
func call(t *testing.T, env map[string]string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	return callWith(t, env, func(ctx context.Context) (context.Context, context.CancelFunc) { return context.WithCancel(ctx) }, args...)
}

func callWith(t *testing.T, env map[string]string, interrupts func(context.Context) (context.Context, context.CancelFunc), args ...string) (code int, stdout, stderr string) {
	t.Helper()
	// The OpenTelemetry SDK reads the process's own environment.
	for name, value := range env {
		if strings.HasPrefix(name, "OTEL_") {
			t.Setenv(name, value)
		}
	}
	var out, errs bytes.Buffer
	code = run(args, process{stdout: &out, stderr: &errs, env: func(k string) string { return env[k] }, interrupts: interrupts})
	return code, out.String(), errs.String()
}

// doc is the form of --format json.
type doc struct {
	Conversation []saidTurn
	Traces       []*span
}

func callJSON(t *testing.T, env map[string]string, args ...string) (code int, d doc, stderr string) {
	t.Helper()
	code, out, stderr := call(t, env, append([]string{"demo", "--format", "json", "--speed", "0"}, args...)...)
	if err := json.Unmarshal([]byte(out), &d); err != nil {
		t.Fatalf("not JSON: %v\n%s\n%s", err, out, stderr)
	}
	return code, d, stderr
}

// chats returns the model spans of the trees.
func chats(spans []*span) (out []*span) {
	for _, s := range spans {
		if strings.HasPrefix(s.Name, "chat ") {
			out = append(out, s)
		}
		out = append(out, chats(s.Children)...)
	}
	return out
}

func TestDemo(t *testing.T) {
	for lang, wants := range map[string][]string{
		"en": {"You   My sister's birthday", "Shop  Happy birthday to your sister!", "invoke_workflow flower-shop",
			"│  ├─ chat gpt-4o-mini", "Total: 3 model calls, 327 tokens in (0 cached), 92 out, $0.0001043", "--live"},
		"zh": {"顾客  我姐姐明天过生日", "└─ conversation", "合计:3 次模型调用,输入 363 个 token"},
	} {
		code, out, stderr := call(t, nil, "demo", "--lang", lang, "--speed", "0")
		if code != exitOK || stderr != "" {
			t.Errorf("%s: exit %d, stderr %q", lang, code, stderr)
		}
		for _, want := range wants {
			if !strings.Contains(out, want) {
				t.Errorf("%s: no %q in\n%s", lang, want, out)
			}
		}
		if strings.Contains(out, "\x1b") {
			t.Errorf("%s: colours without a terminal", lang)
		}
	}
}

// TestDemoFigures: the sums in the trace are those of its calls, every token
// has its time, and parents hold their children.
func TestDemoFigures(t *testing.T) {
	code, d, _ := callJSON(t, nil)
	if code != exitOK || len(d.Conversation) != 3 || len(d.Traces) != 1 {
		t.Fatalf("exit %d, %d turns, %d traces", code, len(d.Conversation), len(d.Traces))
	}
	root := d.Traces[0]
	var in, out int
	for _, c := range chats(d.Traces) {
		in, out = in+c.Usage.Input, out+c.Usage.Output
		if c.Tokens == 0 || c.FirstToken <= 0 || c.FirstToken > c.Duration || c.Usage.Cost == nil {
			t.Errorf("span %+v", c)
		}
	}
	if root.Total.Input != in || root.Total.Output != out || root.Total.Calls != 3 {
		t.Errorf("root has %+v, calls have %d in, %d out", root.Total, in, out)
	}
	var inside func(p *span)
	inside = func(p *span) {
		for _, c := range p.Children {
			if c.Start.Before(p.Start) || c.end().After(p.end()) {
				t.Errorf("%s is not inside %s", c.Name, p.Name)
			}
			inside(c)
		}
	}
	inside(root)
}

func TestDemoUnreachableEndpoint(t *testing.T) {
	begin := time.Now()
	code, out, stderr := call(t, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}, "demo", "--lang", "en", "--speed", "0")
	want := "callspan: cannot deliver traces to http://127.0.0.1:9: connection refused; the program goes on\n" +
		"callspan: 13 of 13 spans were not delivered to http://127.0.0.1:9: connection refused\n"
	want2 := strings.Replace(want, "deliver traces", "deliver metrics", 1) // whichever is sent first
	if code != exitOK || stderr != want && stderr != want2 {
		t.Errorf("exit %d, stderr\n%s", code, stderr)
	}
	if !strings.Contains(out, "Total: 3 model calls") {
		t.Errorf("no trace in\n%s", out)
	}
	if took := time.Since(begin); took > 15*time.Second {
		t.Errorf("took %v", took)
	}
}

// live starts a stand-in for the real API and returns the environment for it.
func live(t *testing.T, api *standin.API) map[string]string {
	t.Helper()
	server, err := api.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	return map[string]string{"OPENAI_API_KEY": "sk-live-0123456789abcdef", "OPENAI_BASE_URL": server.URL + "/"}
}

func TestDemoLive(t *testing.T) {
	api := &standin.API{Keys: []string{"sk-live-0123456789abcdef"}, Reply: func(context.Context, *standin.Request) (standin.Reply, error) {
		return standin.Text("pink \x1b[2J\x1b]0;owned\x07 roses"), nil
	}}
	env := live(t, api)
	code, out, stderr := call(t, env, "demo", "--live", "--lang", "en", "--capture-content", "--otlp-file", filepath.Join(t.TempDir(), "f"))
	if code != exitOK || stderr != "" {
		t.Errorf("exit %d, stderr %q", code, stderr)
	}
	if strings.Contains(out, "\x1b") || !strings.Contains(out, "pink ␛[2J␛]0;owned␇ roses") {
		t.Errorf("control sequences are not shown as text:\n%q", out)
	}
	if len(api.Requests()) != 3 {
		t.Errorf("%d requests", len(api.Requests()))
	}
}

func TestDemoLiveFailures(t *testing.T) {
	api := &standin.API{Keys: []string{"another key"}}
	for _, tc := range []struct {
		name, errType, message string
		env                    map[string]string
		args                   []string
	}{
		{"wrong key", "invalid_api_key", "401: Incorrect API key provided", live(t, api), nil},
		{"wrong model", "model_not_found", "404: The model", live(t, &standin.API{}), []string{"--model", "gpt-0"}},
		{"nobody there", "connection_refused", "connection refused",
			map[string]string{"OPENAI_API_KEY": "sk-live-0123456789abcdef", "OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			code, d, stderr := callJSON(t, tc.env, append([]string{"--live"}, tc.args...)...)
			if code != exitFailed || !strings.Contains(stderr, tc.message) || strings.Count(stderr, "\n") != 1 {
				t.Errorf("exit %d, stderr %q", code, stderr)
			}
			if strings.Contains(stderr, "0123456789") {
				t.Errorf("the key is shown: %s", stderr)
			}
			for _, s := range append(chats(d.Traces), d.Traces[0]) {
				if s.ErrorType != tc.errType || s.Error == "" || s.Usage != nil {
					t.Errorf("span %s: error type %q, %q, usage %v", s.Name, s.ErrorType, s.Error, s.Usage)
				}
			}
		})
	}
}

// TestDemoInterrupt: Ctrl-C ends the call, and its spans are exported before
// the command exits.
func TestDemoInterrupt(t *testing.T) {
	var stderr bytes.Buffer
	stdout := &watched{text: "Shop  Happy birthday"}
	code := run([]string{"demo", "--lang", "en", "--speed", "10"}, process{stdout: stdout, stderr: &stderr, env: func(string) string { return "" },
		interrupts: func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, stdout.then = context.WithCancel(ctx)
			return ctx, stdout.then
		}})
	if code != exitInterrupted || stderr.String() != "callspan demo: interrupted\n" {
		t.Errorf("exit %d, stderr %q", code, stderr.String())
	}
	for _, want := range []string{stdout.text, "└─ conversation", "chat gpt-4o-mini", "! canceled: "} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("no %q in\n%s", want, stdout)
		}
	}
}

// watched is a buffer that acts while it is given the end of a text, or more.
type watched struct {
	bytes.Buffer
	text string
	then func()
}

func (w *watched) Write(b []byte) (int, error) {
	n, err := w.Buffer.Write(b)
	if strings.Contains(w.String(), w.text) {
		w.then()
	}
	return n, err
}

func TestUsage(t *testing.T) {
	for _, tc := range []struct {
		args   []string
		code   int
		stdout string
		stderr string
	}{
		{nil, exitOK, "usage: callspan <command>", ""},
		{[]string{"help"}, exitOK, "callspan demo", ""},
		{[]string{"help", "proxy"}, exitOK, "usage: callspan proxy [flags]", ""},
		{[]string{"help", "help"}, exitOK, "usage: callspan <command>", ""},
		{[]string{"help", "bogus"}, exitUsage, "", `unknown command "bogus"`},
		{[]string{"version"}, exitOK, "callspan ", ""},
		{[]string{"--version"}, exitOK, "callspan ", ""},
		{[]string{"version", "x"}, exitUsage, "", "unexpected argument \"x\"\nusage: callspan version, see "},
		{[]string{"demo", "-h"}, exitOK, "Examples:", ""},
		{[]string{"bogus"}, exitUsage, "", `unknown command "bogus"`},
		{[]string{"demo", "--bogus"}, exitUsage, "", "usage: callspan demo [flags]"},
		{[]string{"demo", "rest"}, exitUsage, "", `unexpected argument "rest"`},
		{[]string{"demo", "--lang", "fr"}, exitUsage, "", "use zh or en"},
		{[]string{"demo", "--format", "xml"}, exitUsage, "", "use text or json"},
		{[]string{"demo", "--speed", "-1"}, exitUsage, "", "--speed -1"},
		{[]string{"demo", "--speed", "1e-9"}, exitUsage, "", "use 0 (no waiting), or 0.001 to 1000000"},
		{[]string{"demo", "--speed", "NaN"}, exitUsage, "", "--speed NaN"},
		{[]string{"demo", "--model", ""}, exitUsage, "", "--model is empty"},
		{[]string{"demo", "--live"}, exitUsage, "", "OPENAI_API_KEY"},
		{[]string{"demo", "--otlp-file", filepath.Join(t.TempDir(), "no", "dir")}, exitFailed, "", "--otlp-file"},
	} {
		code, stdout, stderr := call(t, nil, tc.args...)
		if code != tc.code || !strings.Contains(stdout, tc.stdout) || !strings.Contains(stderr, tc.stderr) || (tc.stderr == "") != (stderr == "") {
			t.Errorf("%q: exit %d, stdout %q, stderr %q", tc.args, code, stdout, stderr)
		}
	}
}

func TestLocaleLanguage(t *testing.T) {
	for _, tc := range []struct{ all, lang, want string }{
		{"", "zh_CN.UTF-8", "zh"}, {"", "en_US.UTF-8", "en"}, {"C", "zh_CN", "en"}, {"zh_TW", "", "zh"}, {"", "", "en"},
	} {
		env := map[string]string{"LC_ALL": tc.all, "LANG": tc.lang}
		if got := localeLanguage(func(k string) string { return env[k] }); got != tc.want {
			t.Errorf("LC_ALL=%s LANG=%s: %s, want %s", tc.all, tc.lang, got, tc.want)
		}
	}
}
