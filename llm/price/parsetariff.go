package price

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

func (t *tariff) set(k, v string) (err error) {
	switch k {
	case "from":
		err = t.setFrom(v)
	case "at":
		err = t.setHours(v)
	case "on":
		err = t.setDays(v)
	case "tier":
		for name := range strings.SplitSeq(v, ",") {
			if name = strings.ToLower(name); standard(name) == "" {
				return fmt.Errorf("tier=%s: the standard tier has no name", v)
			}
			t.tiers = append(t.tiers, name)
		}
	default:
		i := slices.Index(unitNames[:], k)
		if i < 0 {
			return fmt.Errorf("%s: unknown key", k)
		}
		err = t.setPrice(unit(i), v)
	}
	if err != nil {
		return fmt.Errorf("%s=%s: %w", k, v, err)
	}
	return nil
}

func (t *tariff) setFrom(v string) error {
	at, err := time.Parse(time.DateOnly, v)
	if err != nil {
		if at, err = time.Parse("2006-01-02T15:04Z", v); err != nil {
			return errors.New("want a day as in 2026-12-31 or an instant as in 2026-12-31T16:00Z")
		}
	}
	t.from = at.Unix()
	return nil
}

func (t *tariff) setHours(v string) error {
	var seconds [2]int32
	from, to, _ := strings.Cut(v, "-")
	for i, text := range []string{from, to} {
		at, err := time.Parse("15:04", text)
		if err != nil {
			if at, err = time.Parse(time.TimeOnly, text); err != nil {
				return errors.New("want hours as in 16:30-00:30")
			}
		}
		h, m, s := at.Clock()
		seconds[i] = int32(h*3600 + m*60 + s)
	}
	if t.start, t.end = seconds[0], seconds[1]; t.start == t.end {
		return errors.New("begins and ends at the same time")
	}
	return nil
}

func (t *tariff) setDays(v string) error {
	for name := range strings.SplitSeq(v, ",") {
		i := slices.Index([]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}, name)
		if i < 0 {
			return errors.New("want weekdays as in mon,tue,wed,thu,fri,sat,sun")
		}
		t.days |= 1 << i
	}
	return nil
}

// setPrice reads a price, and what it changes to with the length of the input.
func (t *tariff) setPrice(u unit, v string) error {
	text, steps, more := strings.Cut(v, ">")
	var err error
	if t.base[u], err = parsePrice(u, text); err != nil {
		return err
	}
	t.has |= 1 << u
	for last := -1; more; {
		text, steps, more = strings.Cut(steps, ">")
		over, price, _ := strings.Cut(text, ":")
		s := step{unit: u}
		if s.over, err = strconv.Atoi(over); err != nil || s.over <= last {
			return errors.New("want lengths in tokens, each longer than the one before")
		}
		last = s.over
		if s.price, err = parsePrice(u, price); err != nil {
			return err
		}
		t.steps = append(t.steps, s)
	}
	return nil
}

func parsePrice(u unit, s string) (Money, error) {
	if s == "-" {
		return noPrice, nil
	}
	shift := 12
	if u.perMillion() {
		shift = 6
	}
	v, err := parseDecimal(s, shift)
	if err == nil && v < 0 {
		err = errors.New("below 0")
	}
	return Money(v), err
}
