package tracing

import (
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// splitMetrics divides an export into requests of at most limit encoded bytes, as
// far as no single metric is larger.
func splitMetrics(rm *metricdata.ResourceMetrics, limit int) []*metricdata.ResourceMetrics {
	var out []*metricdata.ResourceMetrics
	var request *metricdata.ResourceMetrics
	head := attrsSize(rm.Resource.Attributes()) + len(rm.Resource.SchemaURL())
	room := 0
	for _, s := range rm.ScopeMetrics {
		begun := false // s is in the request
		scope := setSize(&s.Scope.Attributes) + len(s.Scope.Name) + len(s.Scope.Version) + len(s.Scope.SchemaURL) + overhead
		for i := range s.Metrics {
			need := metricSize(&s.Metrics[i])
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
			last.Metrics = append(last.Metrics, s.Metrics[i])
			room -= need
		}
	}
	if out == nil {
		return []*metricdata.ResourceMetrics{rm}
	}
	return out
}

// overhead is more than the encoding adds to the texts and lists of a message.
const overhead = 96

// metricSize returns at least the encoded size of m.
func metricSize(m *metricdata.Metrics) int {
	n := overhead + len(m.Name) + len(m.Description) + len(m.Unit)
	switch d := m.Data.(type) {
	case metricdata.Sum[int64]:
		n += numbersSize(d.DataPoints)
	case metricdata.Sum[float64]:
		n += numbersSize(d.DataPoints)
	case metricdata.Gauge[int64]:
		n += numbersSize(d.DataPoints)
	case metricdata.Gauge[float64]:
		n += numbersSize(d.DataPoints)
	case metricdata.Histogram[int64]:
		n += histogramsSize(d.DataPoints)
	case metricdata.Histogram[float64]:
		n += histogramsSize(d.DataPoints)
	case metricdata.ExponentialHistogram[int64]:
		n += exponentialSize(d.DataPoints)
	case metricdata.ExponentialHistogram[float64]:
		n += exponentialSize(d.DataPoints)
	case metricdata.Summary:
		for i := range d.DataPoints {
			p := &d.DataPoints[i]
			n += overhead + setSize(&p.Attributes) + 24*len(p.QuantileValues)
		}
	}
	return n
}

func numbersSize[N int64 | float64](points []metricdata.DataPoint[N]) (n int) {
	for i := range points {
		n += overhead + setSize(&points[i].Attributes) + exemplarsSize(points[i].Exemplars)
	}
	return n
}

func histogramsSize[N int64 | float64](points []metricdata.HistogramDataPoint[N]) (n int) {
	for i := range points {
		p := &points[i]
		n += overhead + setSize(&p.Attributes) + exemplarsSize(p.Exemplars) + 8*(len(p.Bounds)+len(p.BucketCounts))
	}
	return n
}

func exponentialSize[N int64 | float64](points []metricdata.ExponentialHistogramDataPoint[N]) (n int) {
	for i := range points {
		p := &points[i]
		n += overhead + setSize(&p.Attributes) + exemplarsSize(p.Exemplars) +
			10*(len(p.PositiveBucket.Counts)+len(p.NegativeBucket.Counts))
	}
	return n
}

func exemplarsSize[N int64 | float64](exemplars []metricdata.Exemplar[N]) (n int) {
	for i := range exemplars {
		n += overhead + attrsSize(exemplars[i].FilteredAttributes)
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
