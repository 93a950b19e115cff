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
	for _, sc := range all {
		for _, stream := range []bool{true, false} {
			es, err := sc.Expectations(stream)
			if err != nil || stream && len(es) == 0 {
				t.Errorf("%s: %v, %v", sc.Name, es, err)
			}
			for _, e := range es {
				if e.Error == "" && !e.Waits && e.Text == "" {
					t.Errorf("%s is said to succeed with nothing", sc.Name)
				}
				if e.Text != "" && (e.Usage == "" || e.First() == "") {
					t.Errorf("%s: %+v", sc.Name, e)
				}
			}
		}
	}
	if _, err := (standin.Scenario{Name: "none"}).Expectations(true); err == nil {
		t.Error("expectations of a scenario that does not exist")
	}
}
