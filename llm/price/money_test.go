package price

import (
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

func TestParseUSD(t *testing.T) {
	for _, tc := range []struct {
		in   string
		want Money
		err  error
	}{
		{"0", 0, nil},
		{"-0", 0, nil},
		{"1", 1e12, nil},
		{"+2.50", 2_500_000_000_000, nil},
		{"0.00012", 120_000_000, nil},
		{"1e-7", 100_000, nil},
		{"1.5E+3", 1_500_000_000_000_000, nil},
		{".5", 5e11, nil},
		{"5.", 5e12, nil},
		{"-3", -3e12, nil},
		{"0.01932", 19_320_000_000, nil},
		{"0.000000000001", 1, nil},
		{"0.0000000000005", 1, nil},
		{"0.00000000000049", 0, nil},
		{"-0.0000000000005", -1, nil},
		{"0.00014500000000000003", 145_000_000, nil},
		{"9223372.036854775807", math.MaxInt64, nil},
		{"-9223372.036854775807", -math.MaxInt64, nil},
		{"9223372.0368547758074", math.MaxInt64, nil},
		{"-9223372.036854775808", math.MinInt64, nil},
		{"-9223372.0368547758079", math.MinInt64, nil},
		{"-9223372.0368547758085", 0, errRange},
		{"-9223372.036854775809", 0, errRange},
		{"-1e7", 0, errRange},
		{"0e999999999999999999999", 0, nil},
		{"1e-999999999999999999999", 0, nil},
		{strings.Repeat("0", 900) + "1", 1e12, nil},
		{"9223372.036854775808", 0, errRange},
		{"9223372.0368547758075", 0, errRange},
		{"1e7", 0, errRange},
		{"1e999999999999999999999", 0, errRange},
		{"", 0, errSyntax},
		{".", 0, errSyntax},
		{"-", 0, errSyntax},
		{"e5", 0, errSyntax},
		{"1e", 0, errSyntax},
		{"1e+-5", 0, errSyntax},
		{"1e5.0", 0, errSyntax},
		{"--1", 0, errSyntax},
		{"1.2.3", 0, errSyntax},
		{"$1", 0, errSyntax},
		{" 1", 0, errSyntax},
		{"1,000", 0, errSyntax},
		{"1_000", 0, errSyntax},
		{"0x10", 0, errSyntax},
		{"NaN", 0, errSyntax},
		{"Inf", 0, errSyntax},
		{"١", 0, errSyntax},
		{strings.Repeat("0", 2000), 0, errSyntax},
	} {
		got, err := ParseUSD(tc.in)
		if got != tc.want || !errors.Is(err, tc.err) {
			t.Errorf("ParseUSD(%.30q) = %d, %v; want %d, %v", tc.in, got, err, tc.want, tc.err)
		}
	}
	if _, err := ParseUSD("free"); err == nil || err.Error() != `parse USD "free": not a decimal number` {
		t.Errorf("error reads %v", err)
	}
}

func TestMoneyText(t *testing.T) {
	for _, tc := range []struct {
		m            Money
		exact, human string
	}{
		{0, "0", "$0"},
		{1, "0.000000000001", "$0.000000000001"},
		{123_000_000, "0.000123", "$0.000123"},
		{123_456_789, "0.000123456789", "$0.0001235"},
		{19_320_000_000, "0.01932", "$0.01932"},
		{5e11, "0.5", "$0.50"},
		{999_949_999_999, "0.999949999999", "$0.9999"},
		{999_950_000_000, "0.99995", "$1.00"},
		{1_250_000_000_000, "1.25", "$1.25"},
		{1_004_999_999_999, "1.004999999999", "$1.00"},
		{1_005_000_000_000, "1.005", "$1.01"},
		{1_234_567_890_000_000, "1234.56789", "$1234.57"},
		{-2_500_000_000_000, "-2.5", "-$2.50"},
		{-7, "-0.000000000007", "-$0.000000000007"},
		{math.MaxInt64, "9223372.036854775807", "$9223372.04"},
		{math.MinInt64, "-9223372.036854775808", "-$9223372.04"},
	} {
		if got := tc.m.String(); got != tc.exact {
			t.Errorf("String of %d pico = %s, want %s", int64(tc.m), got, tc.exact)
		}
		if again, err := ParseUSD(tc.exact); again != tc.m || err != nil {
			t.Errorf("%s is read back as %d, %v", tc.exact, int64(again), err)
		}
		if got := tc.m.Human(); got != tc.human {
			t.Errorf("Human of %d pico = %s, want %s", int64(tc.m), got, tc.human)
		}
	}
}

func TestMoneyUSD(t *testing.T) {
	for range 1000 {
		m := Money(rand.Int64N(9_000_000_000_000_000))
		want, err := strconv.ParseFloat(m.String(), 64)
		if err != nil || m.USD() != want {
			t.Fatalf("%s: USD() = %v, want %v, %v", m, m.USD(), want, err)
		}
	}
}

func TestMoneyAddSaturates(t *testing.T) {
	for _, tc := range []struct{ a, b, want Money }{
		{1, 2, 3},
		{5, -7, -2},
		{math.MaxInt64, 0, math.MaxInt64},
		{math.MaxInt64, 1, math.MaxInt64},
		{math.MaxInt64 - 1, 1, math.MaxInt64},
		{math.MaxInt64, math.MaxInt64, math.MaxInt64},
		{math.MinInt64, -1, math.MinInt64},
		{math.MaxInt64, math.MinInt64, -1},
	} {
		if got := tc.a.Add(tc.b); got != tc.want {
			t.Errorf("%d + %d = %d, want %d", tc.a, tc.b, got, tc.want)
		}
	}
}

// TestMoneySumsDoNotDependOnOrder draws the costs of calls and sums them in two
// orders, up to where the sum no longer fits.
func TestMoneySumsDoNotDependOnOrder(t *testing.T) {
	for seed := range uint64(50) {
		rng := rand.New(rand.NewPCG(seed, 1))
		amounts := make([]Money, 1000)
		for i := range amounts {
			amounts[i] = Money(rng.Int64N(1 << (1 + rng.IntN(57))))
		}
		sum := func() (s Money) {
			for _, m := range amounts {
				s = s.Add(m)
			}
			return s
		}
		want := sum()
		rng.Shuffle(len(amounts), func(i, j int) { amounts[i], amounts[j] = amounts[j], amounts[i] })
		if got := sum(); got != want {
			t.Fatalf("seed %d: %s in one order, %s in another", seed, want, got)
		}
	}
}

func TestMoneyJSON(t *testing.T) {
	type line struct{ Cost, None Money }
	b, err := json.Marshal(line{Cost: 19_320_000_000})
	if err != nil || string(b) != `{"Cost":0.01932,"None":0}` {
		t.Fatalf("%s, %v", b, err)
	}
	for _, tc := range []struct {
		in   string
		want Money
		ok   bool
	}{
		{`0.01932`, 19_320_000_000, true},
		{`1.932e-2`, 19_320_000_000, true},
		{`"0.01932"`, 19_320_000_000, true},
		{`null`, 7, true},
		{`"a lot"`, 7, false},
		{`true`, 7, false},
		{`[1]`, 7, false},
	} {
		m := Money(7)
		if err := json.Unmarshal([]byte(tc.in), &m); (err == nil) != tc.ok || m != tc.want {
			t.Errorf("%s: %d, %v", tc.in, m, err)
		}
	}
}

func FuzzParseUSD(f *testing.F) {
	for _, s := range []string{"0.01932", "1e-7", "-3", ".", "9223372.036854775807", "-9223372.036854775808", "1e1000000", "0x1", "+.e"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m, err := ParseUSD(s)
		if err != nil {
			return
		}
		again, err := ParseUSD(m.String())
		if err != nil || again != m {
			t.Fatalf("%q is %s, which is read as %s, %v", s, m, again, err)
		}
		if want, err := strconv.ParseFloat(s, 64); err != nil || math.Abs(m.USD()-want) > 1e-12+math.Abs(want)*1e-15 {
			t.Fatalf("%q is %s, want %v, %v", s, m, want, err)
		}
		if h := m.Human(); m != 0 && strings.Trim(h, "-$0.") == "" {
			t.Fatalf("%s looks like nothing: %s", m, h)
		}
	})
}
