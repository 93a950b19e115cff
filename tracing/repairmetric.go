package tracing

import (
	"slices"
	"unicode/utf8"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// repairMetrics makes all text valid UTF-8: one word that is not loses the whole
// request, and since figures are cumulative, every later one.
func repairMetrics(rm *metricdata.ResourceMetrics) {
	for i := range rm.ScopeMetrics {
		s := &rm.ScopeMetrics[i]
		s.Scope.Name, s.Scope.Version = valid(s.Scope.Name), valid(s.Scope.Version)
		s.Scope.SchemaURL = valid(s.Scope.SchemaURL)
		s.Scope.Attributes = validSet(s.Scope.Attributes)
		for j := range s.Metrics {
			m := &s.Metrics[j]
			m.Name, m.Description, m.Unit = valid(m.Name), valid(m.Description), valid(m.Unit)
			all := pointsOf(m.Data)
			for k := range all.n {
				p := all.at(k)
				*p.attrs = validSet(*p.attrs)
				for _, kvs := range p.dropped {
					*kvs = validAttrs(*kvs)
				}
			}
		}
	}
}

// validSet returns set in UTF-8: itself as a rule.
func validSet(set attribute.Set) attribute.Set {
	for it := set.Iter(); it.Next(); {
		if !isValid(it.Attribute()) {
			return attribute.NewSet(validAttrs(set.ToSlice())...)
		}
	}
	return set
}

// validAttrs returns kvs in UTF-8: kvs itself as a rule, else a copy.
func validAttrs(kvs []attribute.KeyValue) []attribute.KeyValue {
	if !slices.ContainsFunc(kvs, func(kv attribute.KeyValue) bool { return !isValid(kv) }) {
		return kvs
	}
	out := make([]attribute.KeyValue, len(kvs))
	for i, kv := range kvs {
		out[i] = attribute.KeyValue{Key: attribute.Key(valid(string(kv.Key))), Value: validValue(kv.Value)}
	}
	return out
}

func isValid(kv attribute.KeyValue) bool {
	return utf8.ValidString(string(kv.Key)) && isValidValue(kv.Value)
}

func isValidValue(v attribute.Value) bool {
	switch v.Type() {
	case attribute.STRING:
		return utf8.ValidString(v.AsString())
	case attribute.STRINGSLICE:
		return !slices.ContainsFunc(v.AsStringSlice(), func(s string) bool { return !utf8.ValidString(s) })
	case attribute.SLICE:
		return !slices.ContainsFunc(v.AsSlice(), func(v attribute.Value) bool { return !isValidValue(v) })
	case attribute.MAP:
		return !slices.ContainsFunc(v.AsMap(), func(kv attribute.KeyValue) bool { return !isValid(kv) })
	}
	return true
}

func validValue(v attribute.Value) attribute.Value {
	switch v.Type() {
	case attribute.STRING:
		return attribute.StringValue(valid(v.AsString()))
	case attribute.STRINGSLICE:
		all := v.AsStringSlice()
		for i := range all {
			all[i] = valid(all[i])
		}
		return attribute.StringSliceValue(all)
	case attribute.SLICE:
		all := v.AsSlice()
		for i := range all {
			all[i] = validValue(all[i])
		}
		return attribute.SliceValue(all...)
	case attribute.MAP:
		return attribute.MapValue(validAttrs(v.AsMap())...)
	}
	return v
}
