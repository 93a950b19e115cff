package tracing

import (
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// dataPoints are the data points of a metric of any kind.
type dataPoints struct {
	n    int
	at   func(i int) dataPoint
	part func(from, to int) metricdata.Aggregation // the same metric with these alone
}

// A dataPoint is one of them.
type dataPoint struct {
	attrs   *attribute.Set
	dropped []*[]attribute.KeyValue // of its exemplars: what its attributes leave out
	figures int                     // at least the bytes of its lists of numbers
}

// pointsOf returns the points of a metric. Of a kind that it does not know there
// are none.
func pointsOf(data metricdata.Aggregation) dataPoints {
	switch d := data.(type) {
	case metricdata.Sum[int64]:
		return sumPoints(d)
	case metricdata.Sum[float64]:
		return sumPoints(d)
	case metricdata.Gauge[int64]:
		return gaugePoints(d)
	case metricdata.Gauge[float64]:
		return gaugePoints(d)
	case metricdata.Histogram[int64]:
		return histogramPoints(d)
	case metricdata.Histogram[float64]:
		return histogramPoints(d)
	case metricdata.ExponentialHistogram[int64]:
		return exponentialPoints(d)
	case metricdata.ExponentialHistogram[float64]:
		return exponentialPoints(d)
	case metricdata.Summary:
		return dataPoints{len(d.DataPoints), func(i int) dataPoint {
			p := &d.DataPoints[i]
			return dataPoint{&p.Attributes, nil, 24 * len(p.QuantileValues)}
		}, func(from, to int) metricdata.Aggregation {
			return metricdata.Summary{DataPoints: d.DataPoints[from:to]}
		}}
	}
	return dataPoints{}
}

func sumPoints[N int64 | float64](d metricdata.Sum[N]) dataPoints {
	return dataPoints{len(d.DataPoints), numberPoint(d.DataPoints), func(from, to int) metricdata.Aggregation {
		return metricdata.Sum[N]{DataPoints: d.DataPoints[from:to], Temporality: d.Temporality, IsMonotonic: d.IsMonotonic}
	}}
}

func gaugePoints[N int64 | float64](d metricdata.Gauge[N]) dataPoints {
	return dataPoints{len(d.DataPoints), numberPoint(d.DataPoints), func(from, to int) metricdata.Aggregation {
		return metricdata.Gauge[N]{DataPoints: d.DataPoints[from:to]}
	}}
}

func numberPoint[N int64 | float64](all []metricdata.DataPoint[N]) func(int) dataPoint {
	return func(i int) dataPoint { return dataPoint{&all[i].Attributes, droppedAttrs(all[i].Exemplars), 0} }
}

func histogramPoints[N int64 | float64](d metricdata.Histogram[N]) dataPoints {
	return dataPoints{len(d.DataPoints), func(i int) dataPoint {
		p := &d.DataPoints[i]
		return dataPoint{&p.Attributes, droppedAttrs(p.Exemplars), 8 * (len(p.Bounds) + len(p.BucketCounts))}
	}, func(from, to int) metricdata.Aggregation {
		return metricdata.Histogram[N]{DataPoints: d.DataPoints[from:to], Temporality: d.Temporality}
	}}
}

func exponentialPoints[N int64 | float64](d metricdata.ExponentialHistogram[N]) dataPoints {
	return dataPoints{len(d.DataPoints), func(i int) dataPoint {
		p := &d.DataPoints[i]
		return dataPoint{&p.Attributes, droppedAttrs(p.Exemplars), 10 * (len(p.PositiveBucket.Counts) + len(p.NegativeBucket.Counts))}
	}, func(from, to int) metricdata.Aggregation {
		return metricdata.ExponentialHistogram[N]{DataPoints: d.DataPoints[from:to], Temporality: d.Temporality}
	}}
}

func droppedAttrs[N int64 | float64](exemplars []metricdata.Exemplar[N]) []*[]attribute.KeyValue {
	if len(exemplars) == 0 {
		return nil
	}
	out := make([]*[]attribute.KeyValue, len(exemplars))
	for i := range exemplars {
		out[i] = &exemplars[i].FilteredAttributes
	}
	return out
}
