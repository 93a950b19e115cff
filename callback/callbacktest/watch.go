package callbacktest

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// What handlers are shown must stay as it is. A watched value is compared with
// what it was, field by field.
type watched struct {
	name   string
	value  reflect.Value // a struct
	fields []string
	skip   []string // fields that others may change
}

// keepAtMost bounds the values that are compared once more at the end.
const keepAtMost = 500

func watch(name string, pointer any, skip ...string) watched {
	v := reflect.ValueOf(pointer).Elem()
	return watched{name, v, describe(v), skip}
}

// compareOne reports what method has changed.
func (k *kit) compareOne(method string, w watched) {
	if field, changed := w.changed(); changed {
		k.report("%s changes %s.%s: handlers share what they are shown", method, w.name, field)
	}
}

// keep watches on until the handler is closed.
func (k *kit) keep(w watched) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.watched) < keepAtMost {
		k.watched = append(k.watched, w)
	}
}

// compare reports what has changed after the call.
func (k *kit) compare() {
	k.mu.Lock()
	all := k.watched
	k.mu.Unlock()
	for _, w := range all {
		if field, changed := w.changed(); changed {
			k.report("the handler keeps %s.%s and changes it later: copy it first", w.name, field)
		}
	}
}

// changed returns the first field that is not what it was, and remembers what
// it is now.
func (w *watched) changed() (field string, changed bool) {
	now := describe(w.value)
	for i := range now {
		name := w.value.Type().Field(i).Name
		if now[i] != w.fields[i] && !slices.Contains(w.skip, name) {
			copy(w.fields, now)
			return name, true
		}
	}
	return "", false
}

// describe returns a text for each field of v, "" for unexported ones, that
// differs if anything differs that can be reached from there.
func describe(v reflect.Value) []string {
	out := make([]string, v.NumField())
	for i := range out {
		if v.Type().Field(i).IsExported() {
			var b strings.Builder
			dump(&b, v.Field(i), 0)
			out[i] = b.String()
		}
	}
	return out
}

// maxDump ends values that contain themselves.
const maxDump = 12

func dump(b *strings.Builder, v reflect.Value, depth int) {
	if depth > maxDump || !v.IsValid() {
		b.WriteString("-")
		return
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			b.WriteString("nil")
			return
		}
		if v.Kind() == reflect.Pointer {
			b.WriteString(strconv.FormatUint(uint64(v.Pointer()), 36))
			b.WriteByte(':')
		}
		dump(b, v.Elem(), depth+1)
	case reflect.Struct:
		if t, ok := v.Interface().(time.Time); ok {
			fmt.Fprint(b, t.UnixNano())
			return
		}
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				dump(b, v.Field(i), depth+1)
				b.WriteByte(';')
			}
		}
	case reflect.Slice: // what lies behind its end, too: append writes there
		b.WriteString(strconv.Itoa(v.Len()))
		b.WriteByte('[')
		if v.Type().Elem().Kind() == reflect.Uint8 {
			b.Write(v.Slice(0, v.Cap()).Bytes())
			return
		}
		for i := range v.Cap() {
			dump(b, v.Slice(0, v.Cap()).Index(i), depth+1)
			b.WriteByte(',')
		}
	case reflect.Array:
		for i := range v.Len() {
			dump(b, v.Index(i), depth+1)
			b.WriteByte(',')
		}
	case reflect.Map:
		entries := make([]string, 0, v.Len())
		for it := v.MapRange(); it.Next(); {
			var e strings.Builder
			dump(&e, it.Key(), depth+1)
			e.WriteByte('=')
			dump(&e, it.Value(), depth+1)
			entries = append(entries, e.String())
		}
		slices.Sort(entries)
		b.WriteString(strings.Join(entries, ","))
	case reflect.Func, reflect.Chan, reflect.UnsafePointer:
		fmt.Fprintf(b, "%#x", v.Pointer())
	case reflect.String:
		b.WriteString(v.String())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		b.WriteString(strconv.FormatInt(v.Int(), 10))
	case reflect.Uint8:
		b.WriteByte(byte(v.Uint()))
	default:
		fmt.Fprint(b, v)
	}
}
