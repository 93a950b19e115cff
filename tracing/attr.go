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

// str adds v, which is a word, unless it is empty.
func (a *attrs) str(k attribute.Key, v string) { a.text(k, v, maxWord) }

// text adds at most limit bytes of v, unless it is empty.
func (a *attrs) text(k attribute.Key, v string, limit int) {
	if v != "" {
		a.add(k.String(bounded(v, limit)))
	}
}

// maxValues bounds the values of one attribute.
const maxValues = 128

// strs adds at most limit bytes of each of vs.
func (a *attrs) strs(k attribute.Key, vs []string, limit int) {
	if len(vs) == 0 {
		return
	}
	vs = vs[:min(len(vs), maxValues)]
	for i, v := range vs {
		if bounded(v, limit) != v {
			fixed := append([]string(nil), vs...)
			for j := i; j < len(fixed); j++ {
				fixed[j] = bounded(fixed[j], limit)
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

// maxMetadata bounds a value of the user's.
const maxMetadata = 2 << 10

// any adds a value of the user's, in its own type where attributes have it.
func (a *attrs) any(k attribute.Key, v any) {
	switch v := v.(type) {
	case nil:
	case string:
		a.add(k.String(bounded(v, maxMetadata)))
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
		a.strs(k, v, maxWord)
	default:
		a.add(k.String(bounded(fmt.Sprint(v), maxMetadata))) // whose methods may panic here
	}
}

// clean returns s as it may stand in a span whatever is captured: valid UTF-8
// and without keys.
func clean(s string) string { return RedactKeys(valid(s)) }

// bounded returns at most limit bytes of s as it may stand in a span. It cuts
// last, so that no part of a key is left that nobody recognises.
func bounded(s string, limit int) string { return cut(clean(s), limit) }

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
