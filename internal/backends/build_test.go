package backends

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// script is a recipe whose program is a text.
func script(text string, err error, built *atomic.Int32) recipe {
	return recipe{"shop", []string{"a/recipe"}, func(_ context.Context, _, _, path string) error {
		built.Add(1)
		return errors.Join(os.WriteFile(path, []byte(text), 0o600), err)
	}}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
}

// TestCached asks for a program from many sides: it is built once, and again
// when what it is built from changes.
func TestCached(t *testing.T) {
	dir, cache := t.TempDir(), filepath.Join(t.TempDir(), "new", "cache")
	write(t, filepath.Join(dir, "a", "recipe"), "v1")
	var built atomic.Int32
	var paths [8]string
	var wg sync.WaitGroup
	for i := range paths {
		wg.Go(func() {
			var err error
			if paths[i], err = cached(t.Context(), script("one", nil, &built), dir, cache, t.Logf); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := built.Load(); n != 1 && runtime.GOOS != "windows" { // there it may be built by several
		t.Errorf("built %d times", n)
	}
	for _, p := range paths {
		if b, err := os.ReadFile(p); p != paths[0] || string(b) != "one" {
			t.Errorf("%s holds %q, %v", p, b, err)
		}
	}
	write(t, filepath.Join(dir, "a", "recipe"), "v2")
	next, err := cached(t.Context(), script("two", nil, &built), dir, cache, t.Logf)
	if b, _ := os.ReadFile(next); err != nil || next == paths[0] || string(b) != "two" {
		t.Errorf("after a change %s holds %q, %v", next, b, err)
	}
}

// TestBuildFails leaves nothing that looks like a program, and is tried again.
func TestBuildFails(t *testing.T) {
	dir, cache := t.TempDir(), t.TempDir()
	write(t, filepath.Join(dir, "a", "recipe"), "v1")
	var built atomic.Int32
	broken := errors.New("no such module")
	if _, err := cached(t.Context(), script("half", broken, &built), dir, cache, t.Logf); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	left, err := filepath.Glob(filepath.Join(cache, "*"))
	if err != nil || len(left) > 1 || len(left) == 1 && !strings.HasSuffix(left[0], ".lock") {
		t.Errorf("left %q, %v", left, err)
	}
	if _, err := cached(t.Context(), script("whole", nil, &built), dir, cache, t.Logf); err != nil || built.Load() != 2 {
		t.Errorf("built %d times, %v", built.Load(), err)
	}
	if _, err := cached(t.Context(), script("one", nil, &built), t.TempDir(), cache, t.Logf); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without a recipe: %v", err)
	}
}

// TestRecipes reads what the recipes are made of, and builds nothing.
func TestRecipes(t *testing.T) {
	dir, err := home(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []recipe{jaegerRecipe(), collectorRecipe()} {
		for _, name := range r.inputs {
			if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
				t.Error(err)
			}
		}
	}
	// The Collector that is tested is the one that users are given.
	version, err := collectorVersion(filepath.Join(dir, "otelcol", "builder.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	compose, err := os.ReadFile("../../docker-compose.yml")
	if err != nil {
		t.Fatal(err)
	}
	if image := "image: otel/opentelemetry-collector-contrib:" + version + "\n"; !strings.Contains(string(compose), image) {
		t.Errorf("docker-compose.yml has no %q", image)
	}
}

func TestGoCommand(t *testing.T) {
	err := goCommand(t.Context(), t.TempDir(), "build", "./nothing")
	if err == nil || !strings.HasPrefix(err.Error(), "go build: exit status 1\n") || !strings.Contains(err.Error(), "go.mod") {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	late := errors.New("no time left")
	cancel(late)
	if err := goCommand(ctx, t.TempDir(), "version"); !errors.Is(err, late) {
		t.Errorf("got %v", err)
	}
}
