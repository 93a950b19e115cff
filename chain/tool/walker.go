package tool

import (
	"encoding"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/big"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/google/jsonschema-go/jsonschema"
)

// forms are the schemas of types that encoding/json writes otherwise than their
// make suggests.
func forms() map[reflect.Type]*jsonschema.Schema {
	return map[reflect.Type]*jsonschema.Schema{
		reflect.TypeFor[time.Time]():     {Type: "string", Format: "date-time"},
		reflect.TypeFor[time.Duration](): {Type: "integer", Description: "nanoseconds"},
		reflect.TypeFor[json.Number]():   {Type: "number"},
		reflect.TypeFor[big.Int]():       {Type: "integer"},
		reflect.TypeFor[slog.Level]():    {Type: "string"},
	}
}

// A walker looks for what no schema describes, so that the error can name the
// field, and adds to forms what it meets.
type walker struct {
	root  reflect.Type
	forms map[reflect.Type]*jsonschema.Schema
	open  []reflect.Type // the named types that are being walked through
}

var (
	jsonDecoder = reflect.TypeFor[json.Unmarshaler]()
	textDecoder = reflect.TypeFor[encoding.TextUnmarshaler]()
)

func (w *walker) fail(path, format string, args ...any) error {
	wayOut := "give the schema yourself, with tool.Raw"
	if path != "" {
		wayOut = "leave it out with `json:\"-\"` or " + wayOut
	}
	return fmt.Errorf("%s: %s%s; %s", w.root, at(path), fmt.Sprintf(format, args...), wayOut)
}

func (w *walker) walk(t reflect.Type, path string) error {
	if w.forms[t] != nil {
		return nil
	}
	if t.Name() != "" {
		if slices.Contains(w.open, t) {
			return w.fail(path, "%s contains itself, which a schema without references cannot say", t)
		}
		w.open = append(w.open, t)
		defer func() { w.open = w.open[:len(w.open)-1] }()
	}
	if t.Kind() != reflect.Interface && t.Kind() != reflect.Pointer {
		switch p := reflect.PointerTo(t); {
		case p.Implements(jsonDecoder):
			return w.fail(path, "%s has its own UnmarshalJSON, so its form is not known", t)
		case p.Implements(textDecoder):
			w.forms[t] = &jsonschema.Schema{Type: "string"}
			return nil
		case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8:
			w.forms[t] = &jsonschema.Schema{Type: "string", ContentEncoding: "base64"}
			return nil
		}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return w.walk(t.Elem(), path)
	case reflect.Slice, reflect.Array:
		return w.walk(t.Elem(), path+"[]")
	case reflect.Map:
		if t.Key().Kind() != reflect.String {
			return w.fail(path, "%s has keys that are not strings", t)
		}
		return w.walk(t.Elem(), path+"{}")
	case reflect.Struct:
		return w.fields(t, path)
	case reflect.Interface:
		return w.fail(path, "%s may hold anything", t)
	case reflect.Func, reflect.Chan, reflect.Complex64, reflect.Complex128, reflect.UnsafePointer:
		return w.fail(path, "%s has no form in JSON", t)
	}
	return nil
}

// fields walks through the fields that encoding/json sees in the struct t.
func (w *walker) fields(t reflect.Type, path string) error {
	seen := map[string]string{} // from JSON's name to Go's
	for _, f := range reflect.VisibleFields(t) {
		here := path + "." + f.Name
		tag := f.Tag.Get("json")
		name, options, _ := strings.Cut(tag, ",")
		switch {
		case tag == "-":
			continue
		case f.Anonymous:
			if err := w.embedded(f, name, here); err != nil {
				return err
			}
			continue
		case !f.IsExported():
			continue
		case slices.Contains(strings.Split(options, ","), "string"):
			return w.fail(here, "its JSON option string makes it another type than %s", f.Type)
		}
		if name == "" {
			name = f.Name
		}
		if other, twice := seen[name]; twice {
			return w.fail(here, "it has the JSON name %q of the field %s", name, other)
		}
		seen[name] = f.Name
		if err := w.walk(f.Type, here); err != nil {
			return err
		}
	}
	return nil
}

// embedded refuses what encoding/json and a schema see differently. The fields
// of an embedded struct follow by themselves.
func (w *walker) embedded(f reflect.StructField, name, path string) error {
	t := f.Type
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case name != "" || t.Kind() != reflect.Struct || w.forms[t] != nil:
		return w.fail(path, "it is embedded, which encoding/json reads otherwise than the schema would say; give it a name in Go")
	case f.Type.Kind() == reflect.Pointer && !f.IsExported():
		return w.fail(path, "encoding/json cannot set an embedded pointer to the unexported type %s", t)
	}
	return nil
}
