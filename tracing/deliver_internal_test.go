package tracing

import (
	"errors"
	"strings"
	"testing"
)

// TestReasonOfPages: of a long page no more is looked at than is needed, and no
// part of a key at the end of that is shown.
func TestReasonOfPages(t *testing.T) {
	key := "sk-proj-" + strings.Repeat("4f9aK2mQx81LzP0w", 12)
	for pad := 0; pad < len(key); pad += 5 {
		said := reason(errors.New("404 Not Found (body: " + strings.Repeat("x", pad) + strings.Repeat(" "+key, 1_000) + ")"))
		if strings.Contains(said, "sk-") || strings.Contains(said, "s…") || !strings.HasPrefix(said, "404 Not Found (body: ") || !strings.HasSuffix(said, "[key]…") {
			t.Fatalf("after %d bytes: %s", pad, said)
		}
	}
	if said := reason(errors.New("401 Unauthorized " + strings.Repeat("x", 1<<20))); len(said) > 1100 || !strings.HasPrefix(said, "401 Unauthorized xxx") || !strings.HasSuffix(said, "xxx… (check OTEL_EXPORTER_OTLP_HEADERS)") {
		t.Errorf("one word: %s", said)
	}
	blank := strings.Repeat(" \n", 16<<10)
	for page, want := range map[string]string{"404 Not" + blank + "Found": "404 Not Found", "missing" + blank: "missing"} {
		if said := reason(errors.New(page)); said != want {
			t.Errorf("%s, with much between: %s", want, said)
		}
	}
}
