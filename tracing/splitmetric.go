package tracing

import (
	"iter"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// splitMetrics divides an export into requests of at most limit encoded bytes, as
// far as no single point is larger.
func splitMetrics(rm *metricdata.ResourceMetrics, limit int) []*metricdata.ResourceMetrics {
	var out []*metricdata.ResourceMetrics
	var request *metricdata.ResourceMetrics
	head := attrsSize(rm.Resource.Attributes()) + len(rm.Resource.SchemaURL())
	room := 0
	for _, s := range rm.ScopeMetrics {
		begun := false // s is in the request
		scope := setSize(&s.Scope.Attributes) + len(s.Scope.Name) + len(s.Scope.Version) + len(s.Scope.SchemaURL) + overhead
		for i := range s.Metrics {
			for m, need := range pieces(s.Metrics[i], limit-head-scope) {
				if !begun {
					need += scope
				}
				if request == nil || need > room {
					request = &metricdata.ResourceMetrics{Resource: rm.Resource}
					out, room = append(out, request), limit-head
					if begun {
						need += scope
					}
					begun = false
				}
				if !begun {
					request.ScopeMetrics = append(request.ScopeMetrics, metricdata.ScopeMetrics{Scope: s.Scope})
					begun = true
				}
				last := &request.ScopeMetrics[len(request.ScopeMetrics)-1]
				last.Metrics = append(last.Metrics, m)
				room -= need
			}
		}
	}
	if out == nil {
		return []*metricdata.ResourceMetrics{rm}
	}
	return out
}

// overhead is more than the encoding adds to the texts and lists of a message.
const overhead = 96

// pieces yields m, divided by its points so that each piece is at most room bytes
// long, and what each needs.
func pieces(m metricdata.Metrics, room int) iter.Seq2[metricdata.Metrics, int] {
	return func(yield func(metricdata.Metrics, int) bool) {
		head := overhead + len(m.Name) + len(m.Description) + len(m.Unit)
		all := pointsOf(m.Data)
		from, need := 0, head
		for i := range all.n {
			size := pointSize(all.at(i))
			if need+size > room && i > from {
				piece := m
				piece.Data = all.part(from, i)
				if !yield(piece, need) {
					return
				}
				from, need = i, head
			}
			need += size
		}
		if from > 0 {
			m.Data = all.part(from, all.n)
		}
		yield(m, need)
	}
}

// pointSize returns at least the encoded size of p.
func pointSize(p dataPoint) int {
	n := overhead + setSize(p.attrs) + p.figures
	for _, kvs := range p.dropped {
		n += overhead + attrsSize(*kvs)
	}
	return n
}

func setSize(set *attribute.Set) (n int) {
	for it := set.Iter(); it.Next(); {
		n += attrSize(it.Attribute())
	}
	return n
}

func attrsSize(kvs []attribute.KeyValue) (n int) {
	for _, kv := range kvs {
		n += attrSize(kv)
	}
	return n
}

func attrSize(kv attribute.KeyValue) int { return 32 + len(kv.Key) + valueSize(kv.Value) }

func valueSize(v attribute.Value) (n int) {
	switch v.Type() {
	case attribute.STRING:
		return len(v.AsString())
	case attribute.BYTESLICE:
		return len(v.AsByteSlice())
	case attribute.STRINGSLICE:
		for _, s := range v.AsStringSlice() {
			n += 16 + len(s)
		}
		return n
	case attribute.BOOLSLICE:
		return 16 * len(v.AsBoolSlice())
	case attribute.INT64SLICE:
		return 16 * len(v.AsInt64Slice())
	case attribute.FLOAT64SLICE:
		return 16 * len(v.AsFloat64Slice())
	case attribute.SLICE:
		for _, v := range v.AsSlice() {
			n += 16 + valueSize(v)
		}
		return n
	case attribute.MAP:
		return attrsSize(v.AsMap())
	}
	return 16
}
