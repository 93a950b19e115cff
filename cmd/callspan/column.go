package main

import (
	"fmt"
	"time"
)

// A column is a figure beside the tree. The first ones stay longest when the
// terminal is narrow.
type column struct {
	head  string
	value func(*span) string
}

func columns(t *texts) []column {
	return []column{
		{t.cost, func(s *span) string { return s.figures().cost() }},
		{t.out, func(s *span) string { return s.figures().number(func(u *usage) int { return u.Output }) }},
		{t.in, func(s *span) string { return s.figures().number(func(u *usage) int { return u.Input }) }},
		{t.time, func(s *span) string { return short(s.Duration) }},
		{t.first, func(s *span) string {
			if s.FirstToken <= 0 {
				return ""
			}
			return short(s.FirstToken)
		}},
		{t.cached, func(s *span) string { return s.figures().number(func(u *usage) int { return u.Cached }) }},
	}
}

// columnFirst is the place of the time to the first token in columns.
const columnFirst = 4

// order is how the columns stand, from left to right, by their place in columns.
var order = []int{3, 4, 2, 5, 1, 0}

// figures returns what the span shows: its own usage, or what is below it.
func (s *span) figures() *usage {
	if s.Usage != nil {
		return s.Usage
	}
	return s.Total
}

// nothing reports whether there is no usage to show, also because every call
// failed before it used anything.
func (u *usage) nothing() bool {
	return u == nil || u.Calls == u.Failed && u.Input+u.Output == 0
}

func (u *usage) number(of func(*usage) int) string {
	if u.nothing() {
		return ""
	}
	if u.Estimated {
		return fmt.Sprintf("~%d", of(u))
	}
	return fmt.Sprint(of(u))
}

func (u *usage) cost() string {
	switch {
	case u.nothing():
		return ""
	case u.Cost == nil:
		return "?"
	case u.Estimated:
		return "~" + u.Cost.Human()
	}
	return u.Cost.Human()
}

// short returns d with three digits or so.
func short(d time.Duration) string {
	switch {
	case d >= 10*time.Second:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d >= time.Second:
		return fmt.Sprintf("%.2fs", d.Seconds())
	case d >= time.Millisecond:
		return fmt.Sprintf("%dms", d.Milliseconds())
	}
	return fmt.Sprintf("%dµs", d.Microseconds())
}
