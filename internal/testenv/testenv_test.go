package testenv_test

import (
	"os"
	"testing"

	"github.com/callspan/callspan/internal/testenv"
)

func TestClear(t *testing.T) {
	for _, name := range []string{"OTEL_SDK_DISABLED", "OPENAI_API_KEY", "CALLSPAN_TESTENV_STAYS"} {
		t.Setenv(name, "x=y")
	}
	testenv.Clear()
	for name, want := range map[string]bool{"OTEL_SDK_DISABLED": false, "OPENAI_API_KEY": false, "CALLSPAN_TESTENV_STAYS": true} {
		if _, set := os.LookupEnv(name); set != want {
			t.Errorf("%s is set: %v, want %v", name, set, want)
		}
	}
}
