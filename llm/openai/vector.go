package openai

import (
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/callspan/callspan/llm"
)

// An embedFrame is the body of a response to an embeddings request.
type embedFrame struct {
	meta    llm.Meta
	usage   *llm.Usage
	vectors []indexed
	bytes   []byte // of the vector that is being read
	failure error  // the API's
}

type indexed struct {
	index  int // -1 if the server does not say
	vector []float32
}

// readVectors reads the response to a request with n inputs for vectors of the
// given length, 0 for any. What it returns on failure has no vectors.
func readVectors(body []byte, n, dimensions int) (*llm.EmbedResponse, error) {
	f := embedFrame{vectors: make([]indexed, 0, n)}
	s := scanner{b: body}
	f.read(&s)
	s.end()
	resp := &llm.EmbedResponse{Meta: f.meta, Usage: f.usage}
	switch {
	case blank(body):
		return resp, llm.ErrEmpty
	case f.failure != nil && s.err == nil:
		return resp, f.failure
	case s.err != nil:
		return resp, malformed(body, s.err)
	case len(f.vectors) == 0:
		if err := errorBody(body); err != nil {
			return resp, err
		}
	}
	var err error
	if resp.Vectors, err = f.ordered(n, dimensions); err != nil {
		return resp, fmt.Errorf("%w: %w", llm.ErrMalformed, err)
	}
	return resp, nil
}

func (f *embedFrame) read(s *scanner) {
	for s.object(); s.key(); {
		switch string(s.name) {
		case "id":
			f.meta.ID = s.string()
		case "model":
			f.meta.Model = s.string()
		case "data":
			for s.array(); s.element(); {
				f.readVector(s)
			}
		case "usage":
			f.readUsage(s.raw())
		case "error":
			if v := s.value(); said(v) {
				f.failure = frameError(v)
			}
		case "base_resp":
			if err := baseError(s.value()); err != nil && f.failure == nil {
				f.failure = err
			}
		default:
			s.skip()
		}
	}
}

func (f *embedFrame) readVector(s *scanner) {
	v := indexed{index: -1}
	for s.object(); s.key(); {
		switch string(s.name) {
		case "index":
			if s.peek() == 'n' {
				s.skip()
			} else {
				v.index = s.int()
			}
		case "embedding":
			switch s.peek() {
			case '"':
				v.vector = f.decode(s)
			case '[':
				for s.array(); s.element(); {
					v.vector = append(v.vector, s.float32())
				}
			default:
				s.fail(errNoVector)
			}
		default:
			s.skip()
		}
	}
	f.vectors = append(f.vectors, v)
}

var (
	errNoVector = errors.New("want a vector, as text or as list of numbers")
	errNoFloats = errors.New("vector is not made of 32-bit floats: the server encodes in a way of its own")
)

// maxNumber bounds the numbers of a vector in base64. Those of models are about
// 1; larger ones are another encoding, read as floats.
const maxNumber = 1e9

// decode reads a vector in base64: float32, little endian.
func (f *embedFrame) decode(s *scanner) []float32 {
	text := s.bytes()
	f.bytes = f.bytes[:0]
	b, err := base64.StdEncoding.AppendDecode(f.bytes, text)
	f.bytes = b
	if err != nil || len(b)%4 != 0 {
		s.fail(errNoFloats)
		return nil
	}
	v := make([]float32, len(b)/4)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
		if !(v[i] <= maxNumber && v[i] >= -maxNumber) {
			s.fail(errNoFloats)
			return nil
		}
	}
	return v
}

// float32 returns the next number. Null is none: it is what becomes of NaN.
func (s *scanner) float32() float32 {
	if c := s.peek(); c != '-' && (c < '0' || c > '9') {
		s.fail(errors.New("want a number"))
		return 0
	}
	begin := s.i
	s.number()
	if s.err != nil {
		return 0
	}
	v, err := strconv.ParseFloat(string(s.b[begin:s.i]), 32)
	if err != nil {
		s.fail(errors.New("number is not a 32-bit float"))
	}
	return float32(v)
}

// readUsage takes the usage. All of it is input; some providers give the total
// alone.
func (f *embedFrame) readUsage(raw []byte) {
	var w wireUsage
	if !present(raw) || !w.read(raw) {
		return
	}
	if n := max(w.Prompt.n, w.Input.n, w.Total.n); n > 0 {
		f.usage = &llm.Usage{Input: n}
	}
	f.meta.Cost = w.cost()
}

// ordered returns the vectors in the order of the inputs.
func (f *embedFrame) ordered(n, dimensions int) ([][]float32, error) {
	if len(f.vectors) != n {
		return nil, fmt.Errorf("%d vectors for %d inputs", len(f.vectors), n)
	}
	out := make([][]float32, n)
	for i, v := range f.vectors {
		at := v.index
		if at < 0 {
			at = i
		}
		switch {
		case at >= n:
			return nil, fmt.Errorf("index %d of a vector, with %d inputs", at, n)
		case out[at] != nil:
			return nil, fmt.Errorf("two vectors with index %d", at)
		case len(v.vector) == 0:
			return nil, fmt.Errorf("vector %d is empty", at)
		}
		out[at] = v.vector
	}
	for i, v := range out {
		switch {
		case dimensions > 0 && len(v) != dimensions:
			return nil, fmt.Errorf("vector %d has %d dimensions, asked for were %d: the model may not let one choose", i, len(v), dimensions)
		case len(v) != len(out[0]):
			return nil, fmt.Errorf("vector %d has %d dimensions, the first one has %d", i, len(v), len(out[0]))
		}
	}
	return out, nil
}

// readEmbedding reads a response to an embeddings request. Whether it has the
// vectors that were due is the client's to judge, unless it has none; vectors in
// an encoding of the server's own are left out.
func readEmbedding(raw []byte) (*llm.EmbedResponse, error) {
	if blank(raw) {
		return nil, llm.ErrEmpty
	}
	var f embedFrame
	s := scanner{b: raw}
	f.read(&s)
	s.end()
	foreign := s.err != nil && json.Valid(raw)
	if foreign {
		var rest map[string]json.RawMessage
		if json.Unmarshal(raw, &rest) != nil {
			return nil, malformed(raw, s.err)
		}
		delete(rest, "data")
		raw, _ = json.Marshal(rest) // of what was JSON
		f = embedFrame{}
		s = scanner{b: raw}
		f.read(&s)
		s.end()
	}
	resp := &llm.EmbedResponse{Meta: f.meta, Usage: f.usage}
	for _, v := range f.vectors {
		resp.Vectors = append(resp.Vectors, v.vector)
	}
	switch {
	case s.err != nil:
		resp.Vectors = nil // nobody has got them
		return resp, malformed(raw, s.err)
	case f.failure != nil:
		return resp, f.failure
	case len(f.vectors) == 0 && !foreign:
		return resp, cmp.Or(errorBody(raw), llm.ErrEmpty)
	}
	return resp, nil
}
