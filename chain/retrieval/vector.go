package retrieval

import (
	"errors"
	"math"
)

var (
	errNotFinite = errors.New("its vector holds a value that is no finite number")
	errZero      = errors.New("its vector is zero, which is like nothing")
	errNoVector  = errors.New("its vector is empty")
)

// normalize scales v to length 1 in place, so that the cosine of two vectors is
// their product. One that has this length already keeps its bits.
func normalize(v []float32) error {
	if len(v) == 0 {
		return errNoVector
	}
	sum := 0.0
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	switch {
	case math.IsNaN(sum) || math.IsInf(sum, 0):
		return errNotFinite
	case sum == 0:
		return errZero
	case math.Abs(sum-1) < 1e-6:
		return nil
	}
	length := math.Sqrt(sum)
	for i, x := range v {
		v[i] = float32(float64(x) / length)
	}
	return nil
}

// dot returns the product of two vectors of one length. Four sums keep the
// processor from waiting for each addition.
func dot(a, b []float32) float32 {
	var s0, s1, s2, s3 float32
	for len(a) >= 4 && len(b) >= 4 {
		s0 += a[0] * b[0]
		s1 += a[1] * b[1]
		s2 += a[2] * b[2]
		s3 += a[3] * b[3]
		a, b = a[4:], b[4:]
	}
	for i := range min(len(a), len(b)) {
		s0 += a[i] * b[i]
	}
	return s0 + s1 + s2 + s3
}
