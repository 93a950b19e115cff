package price

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Money is an amount in pico-USD, 1e-12 USD. One USD per million tokens is a
// million pico-USD per token, so every published price is a whole number of
// them and sums do not depend on their order. The largest amount is about 9.2
// million USD.
type Money int64

const dollar Money = 1e12

// ParseUSD reads an amount in USD as decimal text: "2.5", "0.00012", "1e-7",
// "-3". What lies below 1e-12 USD is rounded, half away from zero. Anything
// else, a currency sign or a space included, and amounts that do not fit, are
// errors.
func ParseUSD(s string) (Money, error) {
	v, err := parseDecimal(s, 12)
	if err != nil {
		return 0, fmt.Errorf("parse USD %.40q: %w", s, err)
	}
	return Money(v), nil
}

var (
	errSyntax = errors.New("not a decimal number")
	errRange  = errors.New("does not fit")
)

// parseDecimal returns the number in s times 10^shift, rounded half away from
// zero.
func parseDecimal(s string, shift int) (int64, error) {
	if len(s) > 1024 {
		return 0, errSyntax
	}
	mantissa, exp, err := splitExponent(s)
	if err != nil {
		return 0, err
	}
	neg := strings.HasPrefix(mantissa, "-")
	if neg || strings.HasPrefix(mantissa, "+") {
		mantissa = mantissa[1:]
	}
	whole, frac, _ := strings.Cut(mantissa, ".")
	digits := len(whole) + len(frac)
	if digits == 0 {
		return 0, errSyntax
	}
	digit := func(i int) (byte, bool) {
		switch {
		case i < 0 || i >= digits:
			return 0, true
		case i < len(whole):
			return whole[i] - '0', whole[i] >= '0' && whole[i] <= '9'
		}
		c := frac[i-len(whole)]
		return c - '0', c >= '0' && c <= '9'
	}
	for i := range digits {
		if _, ok := digit(i); !ok {
			return 0, errSyntax
		}
	}
	keep := len(whole) + exp + shift // digits before the rounded end
	limit := uint64(math.MaxInt64)
	if neg {
		limit++
	}
	var v uint64
	for i := 0; i < keep && (i < digits || v != 0); i++ {
		d, _ := digit(i)
		if v > (limit-uint64(d))/10 {
			return 0, errRange
		}
		v = v*10 + uint64(d)
	}
	if d, _ := digit(keep); d >= 5 {
		if v++; v > limit {
			return 0, errRange
		}
	}
	if neg {
		return -int64(v), nil
	}
	return int64(v), nil
}

// splitExponent takes the exponent off s. One too large to matter is cut short.
func splitExponent(s string) (mantissa string, exp int, err error) {
	i := strings.IndexAny(s, "eE")
	if i < 0 {
		return s, 0, nil
	}
	mantissa, text := s[:i], s[i+1:]
	sign := 1
	if strings.HasPrefix(text, "-") {
		sign = -1
	}
	text = strings.TrimLeft(text, "+-")
	if len(s)-i-1-len(text) > 1 || text == "" {
		return "", 0, errSyntax
	}
	for _, c := range []byte(text) {
		if c < '0' || c > '9' {
			return "", 0, errSyntax
		}
		exp = min(exp*10+int(c-'0'), 1e6)
	}
	return mantissa, sign * exp, nil
}

// USD returns the amount in USD, the nearest float64.
func (m Money) USD() float64 { return float64(m) / float64(dollar) }

// Add returns m plus o. A sum that does not fit stays at the largest or the
// smallest amount.
func (m Money) Add(o Money) Money {
	s := m + o
	if (s > m) == (o > 0) {
		return s
	}
	if o > 0 {
		return math.MaxInt64
	}
	return math.MinInt64
}

// String returns the exact amount in USD as decimal text, such as "0.01932".
// ParseUSD reads it back.
func (m Money) String() string { return string(m.append(nil)) }

func (m Money) append(b []byte) []byte {
	v := uint64(m)
	if m < 0 {
		b = append(b, '-')
		v = -v
	}
	b = strconv.AppendUint(b, v/uint64(dollar), 10)
	return appendFraction(b, v%uint64(dollar), 0)
}

// appendFraction appends the twelve decimals f without the zeros at their end,
// but at least atLeast of them.
func appendFraction(b []byte, f uint64, atLeast int) []byte {
	var d [13]byte
	d[0] = '.'
	for i := 12; i > 0; i-- {
		d[i] = byte('0' + f%10)
		f /= 10
	}
	n := 12
	for n > atLeast && d[n] == '0' {
		n--
	}
	if n == 0 {
		return b
	}
	return append(b, d[:n+1]...)
}

// Human returns the amount for people: "$1.25", "$0.000123", "$0". From one
// dollar up it is rounded to cents, below to four significant digits, so that
// no amount but 0 looks like nothing.
func (m Money) Human() string {
	if m == 0 {
		return "$0"
	}
	var b []byte
	v := uint64(m)
	if m < 0 {
		b = append(b, '-')
		v = -v
	}
	b = append(b, '$')
	unit := uint64(dollar / 100)
	if v < uint64(dollar) {
		unit = 1
		for v/unit >= 10_000 {
			unit *= 10
		}
	}
	v = (v + unit/2) / unit * unit
	b = strconv.AppendUint(b, v/uint64(dollar), 10)
	return string(appendFraction(b, v%uint64(dollar), 2))
}

// MarshalJSON writes the exact amount in USD as a JSON number.
func (m Money) MarshalJSON() ([]byte, error) { return m.append(nil), nil }

// UnmarshalJSON reads an amount in USD from a JSON number, or from a string
// that holds one. Errors are those of [ParseUSD].
func (m *Money) UnmarshalJSON(data []byte) error {
	s := string(data)
	if s == "null" {
		return nil
	}
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		s = s[1 : len(s)-1]
	}
	v, err := ParseUSD(s)
	if err != nil {
		return err
	}
	*m = v
	return nil
}
