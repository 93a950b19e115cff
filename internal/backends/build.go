package backends

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"
)

// variable asks for the backends.
const variable = "CALLSPAN_BACKENDS"

// A recipe says how to build a program.
type recipe struct {
	name   string
	inputs []string // files below this package's directory that say what is built
	// build writes the program to the file at path. dir is this package's
	// directory, scratch an empty one.
	build func(ctx context.Context, dir, scratch, path string) error
}

func jaegerRecipe() recipe {
	return recipe{"jaeger", []string{"jaeger/go.mod", "jaeger/go.sum"}, func(ctx context.Context, dir, _, path string) error {
		return goCommand(ctx, filepath.Join(dir, "jaeger"), "build", "-ldflags=-s -w", "-o", path, "github.com/jaegertracing/jaeger/cmd/jaeger")
	}}
}

func collectorRecipe() recipe {
	const config = "otelcol/builder.yaml"
	return recipe{"otelcol", []string{config}, func(ctx context.Context, dir, scratch, path string) error {
		config := filepath.Join(dir, filepath.FromSlash(config))
		version, err := collectorVersion(config)
		if err != nil {
			return err
		}
		// The builder writes a module to _build and tidies it, which wants what only
		// the tests of the components need too; not all of that can be had. What it
		// says counts only if the build fails as well: that gets what it needs.
		builder := goCommand(ctx, scratch, "run", "go.opentelemetry.io/collector/cmd/builder@v"+version, "--config="+config, "--skip-compilation")
		if err := goCommand(ctx, filepath.Join(scratch, "_build"), "build", "-mod=mod", "-ldflags=-s -w", "-o", path, "."); err != nil {
			return errors.Join(err, builder)
		}
		return nil
	}}
}

// collectorVersion returns the version of the Collector that a builder's
// configuration asks for.
func collectorVersion(config string) (string, error) {
	b, err := os.ReadFile(config)
	if err != nil {
		return "", err
	}
	m := regexp.MustCompile(`(?m)^  version: (\d+\.\d+\.\d+)$`).FindSubmatch(b)
	if m == nil {
		return "", fmt.Errorf("%s names no version", config)
	}
	return string(m[1]), nil
}

// goCommand runs the go command in dir. Its output is in the error.
func goCommand(ctx context.Context, dir string, args ...string) error {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	// The same program whether there is a C compiler or not, and whatever module
	// or workspace the tests run in.
	cmd.Env = append(os.Environ(), "PWD="+dir, "CGO_ENABLED=0", "GOWORK=off")
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return fmt.Errorf("go %s: %w\n%s", args[0], err, tail(out))
	}
	return nil
}

// tail returns the last lines of a long output.
func tail(out []byte) string {
	const keep = 4000
	if len(out) > keep {
		out = append([]byte("..."), out[len(out)-keep:]...)
	}
	return strings.TrimSpace(string(out))
}

// program returns the path of the program that r describes, and builds it
// first if it is not in the cache. It skips t if nobody asked for backends.
func program(t testing.TB, r recipe) string {
	t.Helper()
	if os.Getenv(variable) != "1" {
		t.Skipf("a real %s is not tested: %s=1 go test ./internal/backends/... -timeout 40m builds and starts it", r.name, variable)
	}
	dir, err := home(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	if d, ok := t.(interface{ Deadline() (time.Time, bool) }); ok {
		if at, ok := d.Deadline(); ok {
			// A build that takes too long says so, before the test binary dies.
			var cancel context.CancelFunc
			ctx, cancel = context.WithDeadlineCause(ctx, at.Add(-10*time.Second), errors.New("no time left to build it; give go test a longer -timeout"))
			defer cancel()
		}
	}
	path, err := cached(ctx, r, dir, filepath.Join(cache, "callspan", "backends"), t.Logf)
	if err != nil {
		t.Fatal(fmt.Errorf("build %s: %w", r.name, err))
	}
	return path
}

// home returns the directory of this package, wherever in the module the test
// runs.
func home(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-f", "{{.Dir}}", "github.com/callspan/callspan/internal/backends").Output()
	if err != nil {
		return "", fmt.Errorf("find internal/backends: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

// cached returns the path of the program in cache. Only one process builds it;
// others wait.
func cached(ctx context.Context, r recipe, dir, cache string, logf func(string, ...any)) (string, error) {
	sum := sha256.New()
	for _, name := range r.inputs {
		b, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil {
			return "", err
		}
		fmt.Fprintf(sum, "%s %d\n%s", name, len(b), b)
	}
	path := filepath.Join(cache, r.name+"-"+hex.EncodeToString(sum.Sum(nil)))
	if runtime.GOOS == "windows" {
		path += ".exe"
	}
	exists := func() bool { _, err := os.Stat(path); return err == nil }
	if exists() {
		return path, nil
	}
	if err := os.MkdirAll(cache, 0o777); err != nil {
		return "", err
	}
	unlock, err := lock(path + ".lock")
	if err != nil {
		return "", err
	}
	defer unlock()
	if exists() {
		return path, nil // somebody else built it meanwhile
	}
	logf("building %s; this takes minutes, once", r.name)
	begin := time.Now()
	scratch, err := os.MkdirTemp(cache, r.name+"-build-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(scratch)
	built := filepath.Join(scratch, "built")
	if err := r.build(ctx, dir, scratch, built); err != nil {
		return "", err
	}
	// Whoever sees the program sees the whole of it.
	if err := os.Rename(built, path); err != nil {
		return "", err
	}
	logf("built %s in %v", r.name, time.Since(begin).Round(time.Second))
	return path, nil
}
