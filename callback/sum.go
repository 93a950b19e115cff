package callback

import (
	"sync"

	"github.com/callspan/callspan/llm"
)

// A sum adds up a subtree of runs. Each run adds itself to its own sum and to
// every sum further out when it ends, so that a run that outlives its parent is
// still counted by the grandparents.
type sum struct {
	outer  *sum
	mu     sync.Mutex
	total  Total
	kinds  uint8                // of the billed runs below, see Kind.mask
	models map[ModelName]*Total // only in counters
}

// open counts a run of kind k that started in s and all outer sums.
func (s *sum) open(k Kind) { s.openUpTo(nil, k) }

// openUpTo is open without end and the sums around it.
func (s *sum) openUpTo(end *sum, k Kind) {
	for ; s != end; s = s.outer {
		s.mu.Lock()
		s.total.Open++
		s.kinds |= k.mask()
		s.mu.Unlock()
	}
}

// has reports whether there is a billed call of kind k below, ended or not.
func (s *sum) has(k Kind) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kinds&k.mask() != 0
}

// add counts a run that ended in s and all outer sums.
func (s *sum) add(own *Total, model ModelName) {
	for ; s != nil; s = s.outer {
		s.mu.Lock()
		s.total.Open--
		s.total.add(own)
		if s.models != nil && own.Calls+own.Refused > 0 {
			t := s.models[model]
			if t == nil {
				t = new(Total)
				s.models[model] = t
			}
			t.add(own)
		}
		s.mu.Unlock()
	}
}

func (s *sum) snapshot() Total {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.total
}

// ModelName names a model and who provides it.
type ModelName struct {
	Provider string // OpenTelemetry's name of it; "" if it is not known
	Model    string // that answered, or was asked for if none did
}

func modelName(info *Info, resp *llm.Response) ModelName {
	n := ModelName{Provider: info.Endpoint.Provider, Model: info.Model()}
	if resp != nil && resp.Model != "" {
		n.Model = resp.Model
	}
	return n
}
