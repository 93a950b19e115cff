package callback

import "github.com/callspan/callspan/llm"

// billed returns m, which a meter counted, as parts of the input that is billed.
// What is billed beyond the count is the provider's own overhead. Where less is
// billed, there is less overhead, since what stands around the texts is what a
// meter knows least; and where there is none left, all else is less in
// proportion. So the sources always add up to the bill.
func billed(m llm.Makeup, input int) llm.Makeup {
	for i, n := range m {
		m[i] = min(max(n, 0), maxPrompt) // the meter may be faulty
	}
	input = max(input, 0)
	around := &m[llm.SourceOverhead]
	*around += input - m.Total()
	if *around < 0 {
		*around = 0
		shrink(&m, input)
	}
	return m
}

// shrink makes m add up to total, which is less than it does, by the method of
// the largest remainder: each part is rounded down, and those that lost most get
// one back.
func shrink(m *llm.Makeup, total int) {
	whole, left := int64(m.Total()), total
	var lost [len(m)]int64
	for i, n := range m {
		share := int64(n) * int64(total)
		m[i], lost[i] = int(share/whole), share%whole
		left -= m[i]
	}
	for ; left > 0; left-- {
		most := 0
		for i, n := range lost {
			if n > lost[most] {
				most = i
			}
		}
		m[most]++
		lost[most] = 0
	}
}
