package callback

import (
	"reflect"
	"sync"
)

// A copier copies a value whose parts may lead back to it.
type copier struct {
	types *typebook
	made  map[place]reflect.Value
	depth int
}

// A place is what a map, slice or pointer refers to.
type place struct {
	t   reflect.Type
	at  uintptr
	len int
}

// maxCopied is how deep a value is copied. What is deeper is shared.
const maxCopied = 1000

// value copies v. The objects of decoded JSON need little reflection.
func (c *copier) value(v any) any {
	switch v := v.(type) {
	case nil, string, bool, int, float64:
		return v
	case map[string]any:
		if v != nil && c.depth < maxCopied {
			return c.object(v)
		}
	}
	return c.copy(reflect.ValueOf(v)).Interface()
}

func (c *copier) object(m map[string]any) any {
	from := placeOf(reflect.ValueOf(m))
	if to, again := c.made[from]; again {
		return to.Interface()
	}
	to := make(map[string]any, len(m))
	c.note(from, reflect.ValueOf(to))
	c.depth++
	for k, v := range m {
		to[k] = c.value(v)
	}
	c.depth--
	return to
}

func (c *copier) copy(v reflect.Value) reflect.Value {
	t := v.Type()
	if c.depth >= maxCopied || c.types.still(t) {
		return v
	}
	c.depth++
	defer func() { c.depth-- }()
	switch t.Kind() {
	case reflect.Interface:
		if !v.IsNil() {
			return reflect.ValueOf(c.value(v.Interface()))
		}
	case reflect.Map, reflect.Slice, reflect.Pointer:
		if !v.IsNil() {
			return c.follow(v, t)
		}
	case reflect.Array, reflect.Struct:
		to := reflect.New(t).Elem()
		c.fill(to, v)
		return to
	}
	return v
}

func placeOf(v reflect.Value) place {
	p := place{t: v.Type(), at: v.Pointer()}
	if p.t.Kind() == reflect.Slice {
		p.len = v.Len()
	}
	return p
}

func (c *copier) note(from place, to reflect.Value) {
	if c.made == nil {
		c.made = make(map[place]reflect.Value)
	}
	c.made[from] = to
}

// follow copies what v refers to, once.
func (c *copier) follow(v reflect.Value, t reflect.Type) reflect.Value {
	from := placeOf(v)
	if to, again := c.made[from]; again {
		return to
	}
	switch t.Kind() {
	case reflect.Map:
		to := reflect.MakeMapWithSize(t, v.Len())
		c.note(from, to)
		for all := v.MapRange(); all.Next(); {
			to.SetMapIndex(all.Key(), c.copy(all.Value()))
		}
		return to
	case reflect.Slice:
		to := reflect.MakeSlice(t, v.Len(), v.Len())
		c.note(from, to)
		c.fill(to, v)
		return to
	}
	to := reflect.New(t.Elem())
	c.note(from, to.Convert(t))
	c.fill(to.Elem(), v.Elem())
	return to.Convert(t)
}

// fill copies v into to, which is of its type and length.
func (c *copier) fill(to, v reflect.Value) {
	switch t := v.Type(); t.Kind() {
	case reflect.Slice, reflect.Array:
		if reflect.Copy(to, v); c.types.still(t.Elem()) {
			return
		}
		for i := range v.Len() {
			to.Index(i).Set(c.copy(v.Index(i)))
		}
	case reflect.Struct:
		to.Set(v)
		for i := range t.NumField() {
			if f := t.Field(i); f.IsExported() && !c.types.still(f.Type) {
				to.Field(i).Set(c.copy(v.Field(i)))
			}
		}
	default:
		to.Set(c.copy(v))
	}
}

// A typebook remembers which types need no copy.
type typebook struct{ known sync.Map }

// still reports whether a value of t needs no copy: nothing in it is shared and
// changes, or it is not to be copied.
func (b *typebook) still(t reflect.Type) bool {
	if known, ok := b.known.Load(t); ok {
		return known.(bool)
	}
	is := still(t)
	b.known.Store(t, is)
	return is
}

var (
	isError = reflect.TypeFor[error]()
	isLock  = reflect.TypeFor[sync.Locker]()
)

func still(t reflect.Type) bool {
	if t.Kind() != reflect.Interface && t.Implements(isError) {
		return true
	}
	switch t.Kind() {
	case reflect.Map, reflect.Interface:
		return false
	case reflect.Slice:
		return locked(t.Elem())
	case reflect.Pointer:
		return locked(t.Elem()) || sealed(t.Elem())
	case reflect.Array:
		return still(t.Elem()) || locked(t)
	case reflect.Struct:
		return locked(t) || all(t, func(f reflect.StructField) bool { return !f.IsExported() || still(f.Type) })
	}
	return true
}

// sealed reports whether t is a struct with unexported fields that shows nothing
// that is shared.
func sealed(t reflect.Type) bool {
	if t.Kind() != reflect.Struct || all(t, reflect.StructField.IsExported) {
		return false
	}
	return all(t, func(f reflect.StructField) bool {
		return !f.IsExported() || f.Type.Kind() != reflect.Pointer && still(f.Type)
	})
}

// locked reports whether a t holds a lock, so that it must not be copied.
func locked(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Array:
		return locked(t.Elem())
	case reflect.Struct:
		return reflect.PointerTo(t).Implements(isLock) || !all(t, func(f reflect.StructField) bool { return !locked(f.Type) })
	}
	return false
}

func all(t reflect.Type, ok func(reflect.StructField) bool) bool {
	for f := range t.Fields() {
		if !ok(f) {
			return false
		}
	}
	return true
}
