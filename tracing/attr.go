package tracing

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"go.opentelemetry.io/otel/attribute"
)

// attrs is a list of attributes that is being built. All strings that go into
// a span pass through it, since one that is not valid UTF-8 makes receivers
// refuse the whole request, and a key may be anywhere.
type attrs []attribute.KeyValue

func (a *attrs) add(kv attribute.KeyValue) { *a = append(*a, kv) }

func (a *attrs) int(k attribute.Key, v int) { a.add(k.Int(v)) }

// positive adds v unless it is zero.
func (a *attrs) positive(k attribute.Key, v int) {
	if v > 0 {
		a.add(k.Int(v))
	}
}

// str adds v unless it is empty.
func (a *attrs) str(k attribute.Key, v string) {
	if v != "" {
		a.add(k.String(clean(v)))
	}
}

func (a *attrs) strs(k attribute.Key, vs []string) {
	if len(vs) == 0 {
		return
	}
	for i, v := range vs {
		if clean(v) != v {
			fixed := append([]string(nil), vs...)
			for j := i; j < len(fixed); j++ {
				fixed[j] = clean(fixed[j])
			}
			vs = fixed
			break
		}
	}
	a.add(k.StringSlice(vs))
}

func (a *attrs) float(k attribute.Key, v *float64) {
	if v != nil {
		a.add(k.Float64(*v))
	}
}

// any adds a value of the user's, in its own type where attributes have it.
func (a *attrs) any(k attribute.Key, v any) {
	switch v := v.(type) {
	case nil:
	case string:
		a.add(k.String(clean(v)))
	case bool:
		a.add(k.Bool(v))
	case int:
		a.add(k.Int(v))
	case int64:
		a.add(k.Int64(v))
	case float64:
		a.add(k.Float64(v))
	case time.Duration:
		a.add(k.String(v.String()))
	case []string:
		a.strs(k, v)
	case error:
		a.add(k.String(clean(v.Error())))
	default:
		a.add(k.String(clean(fmt.Sprint(v))))
	}
}

// clean returns s as it may stand in a span whatever is captured: valid UTF-8
// and without keys.
func clean(s string) string { return RedactKeys(valid(s)) }

// cleanNamed returns a value as it may stand in a span under its name, which
// may say that the value is secret.
func cleanNamed(name, value string) string {
	if value = clean(value); nameSays(name, false) != noSecret {
		if s, ok := strings.CutPrefix(RedactKeys(name+"="+value), name+"="); ok {
			return s
		}
	}
	return value
}

// valid returns s with every byte that is not UTF-8 replaced.
func valid(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// cut returns at most limit bytes of s, not dividing a rune.
func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}
