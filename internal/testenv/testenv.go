// Package testenv keeps what belongs to whoever runs the tests out of them: the
// OpenTelemetry settings, keys and base URLs of their shell.
package testenv

import (
	"os"
	"strings"
)

// Clear unsets every OTEL_* and OPENAI_* variable of this process. A package
// whose tests trace or call models does it first in its TestMain.
func Clear() {
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		if strings.HasPrefix(name, "OTEL_") || strings.HasPrefix(name, "OPENAI_") {
			os.Unsetenv(name)
		}
	}
}
