package main

const (
	minBar  = 8
	maxBar  = 40
	minName = 16
)

// A layout says how wide the parts of a line are. What is 0 is not shown.
type layout struct {
	name, bar, gap int
	figures        int // how many of the columns
}

// bars is the number of columns of figures beside which there is a bar: it goes
// after the time to the first token, and before the time.
const bars = 4

// fit returns the layout that shows the most in a terminal of the given width:
// figures of the given widths beside names up to name columns long. What there is
// no room for goes in this order: space between the parts, the ends of long names,
// then figures from the last to the first.
func fit(width, name int, figures []int) layout {
	least := min(name, max(minName, width*3/8))
	for n := len(figures); n > 0; n-- {
		for _, bar := range []int{minBar, 0} {
			if bar > 0 && n < bars || bar == 0 && n > bars {
				continue
			}
			for _, try := range []struct{ gap, name int }{{2, name}, {1, name}, {1, least}} {
				room := width - try.gap*n
				for _, w := range figures[:n] {
					room -= w
				}
				if bar > 0 {
					room -= try.gap + bar
				}
				if room < try.name {
					continue
				}
				l := layout{name: min(name, room), bar: bar, gap: try.gap, figures: n}
				if bar > 0 {
					l.bar = min(bar+room-l.name, maxBar)
				}
				return l
			}
		}
	}
	return layout{name: min(name, width)}
}
