package openai

// indices is a set of the indices of choices or outputs. What is out of range is
// taken to be in it.
type indices [maxChoices / 64]uint64

func (s *indices) has(i int) bool {
	return i < 0 || i >= maxChoices || s[i/64]&(1<<(i%64)) != 0
}

func (s *indices) add(i int) {
	if i >= 0 && i < maxChoices {
		s[i/64] |= 1 << (i % 64)
	}
}
