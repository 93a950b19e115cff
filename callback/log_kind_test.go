package callback_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/callspan/callspan/callback"
)

// TestLogWithoutKind: a run whose kind nobody said is a run.
func TestLogWithoutKind(t *testing.T) {
	var b bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&b, nil))
	_, run := callback.Start(t.Context(), &callback.Info{Name: "shop"}, callback.Log(log))
	run.End(nil)
	if !strings.Contains(b.String(), `"msg":"run end"`) {
		t.Errorf("logged %s", &b)
	}
}
