package callback_test

import (
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/callback/callbacktest"
)

// TestBuiltIn: the built-in handlers keep the rules for handlers.
func TestBuiltIn(t *testing.T) {
	devNull, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer devNull.Close()
	path := filepath.Join(t.TempDir(), "runs.jsonl")
	everything := func() *callback.Funcs {
		var f callback.Funcs
		noteAll(&f, new([]string))
		return &f
	}
	for name, make := range map[string]func() callback.Handler{
		"Print":                func() callback.Handler { return callback.Print(io.Discard) },
		"Print, on a terminal": func() callback.Handler { return callback.Print(devNull) }, // a character device
		"Log": func() callback.Handler {
			return callback.Log(slog.New(slog.NewJSONHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelDebug - 4})))
		},
		"Log, off": func() callback.Handler { return callback.Log(slog.New(slog.DiscardHandler)) },
		"Funcs":    func() callback.Handler { return new(callback.Funcs) },
		"File":     func() callback.Handler { return callback.NewFileWriter(io.Discard, callback.FileOptions{}) },
		"File, everything": func() callback.Handler {
			f, err := callback.NewFile(path, callback.FileOptions{Format: callback.FileText, Content: true, Tokens: true})
			if err != nil {
				t.Error(err)
			}
			return f
		},
		"Async": func() callback.Handler { return callback.NewAsync(everything(), callback.AsyncOptions{}) },
		"Async that blocks, of a File": func() callback.Handler {
			return callback.NewAsync(callback.NewFileWriter(io.Discard, callback.FileOptions{Content: true, Tokens: true}),
				callback.AsyncOptions{Size: 4, Block: true})
		},
	} {
		t.Run(name, func(t *testing.T) { callbacktest.Test(t, make) })
	}
}
