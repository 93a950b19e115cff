package standin_test

import (
	"testing"

	"github.com/callspan/callspan/internal/standin"
	"golang.org/x/tools/txtar"
)

// TestExpectations: every scenario has its expectations, and nothing is
// expected of a scenario that does not exist.
func TestExpectations(t *testing.T) {
	archive, err := txtar.ParseFile("expect.txtar")
	if err != nil {
		t.Fatal(err)
	}
	all := standin.Scenarios()
	if len(archive.Files) != len(all) {
		t.Errorf("%d expectations for %d scenarios", len(archive.Files), len(all))
	}
	archives := map[string][]standin.Scenario{"scenario": all, "dialect": standin.Dialects(), "textdialect": standin.CompletionDialects(),
		"response": standin.ResponseScenarios(), "embedding": standin.EmbeddingScenarios()}
	for name, all := range archives {
		t.Run(name, func(t *testing.T) { expectations(t, all, name != "embedding") })
	}
	if _, err := (standin.Scenario{Name: "none"}).Expectations(true); err == nil {
		t.Error("expectations of a scenario that does not exist")
	}
}

// expectations checks what the scenarios of an archive expect. streams says
// whether their API has streams.
func expectations(t *testing.T, all []standin.Scenario, streams bool) {
	names := map[string]bool{}
	for _, sc := range all {
		if names[sc.Name] || sc.About == "" || len(sc.Responses) == 0 {
			t.Errorf("%s comes again, or does not say what it is about or plays", sc.Name)
		}
		names[sc.Name] = true
		calls := 0
		for _, stream := range []bool{true, false} {
			es, err := sc.Expectations(stream)
			if err != nil {
				t.Errorf("%s: %v", sc.Name, err)
			}
			if calls += len(es); stream && !streams {
				continue // those of a namesake
			}
			for _, e := range es {
				if e.Error == "" && !e.Waits && e.Text == "" && e.Answer == nil && e.Vectors == 0 {
					t.Errorf("%s is said to succeed with nothing", sc.Name)
				}
				if e.Text != "" && (e.Usage == "" || e.First() == "") {
					t.Errorf("%s: %+v", sc.Name, e)
				}
			}
		}
		if calls == 0 {
			t.Errorf("%s expects nothing", sc.Name)
		}
	}
}
