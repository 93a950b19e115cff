package golden

import "strings"

// around is how many equal lines stand before and after a difference.
const around = 3

// diff returns the lines of want and got that differ, marked - and +, with the
// lines around them and "..." where others are left out.
func diff(want, got string) string {
	lines := align(split(want), split(got))
	near := make([]bool, len(lines))
	for i, l := range lines {
		if l.mark != ' ' {
			for j := max(i-around, 0); j < min(i+around+1, len(lines)); j++ {
				near[j] = true
			}
		}
	}
	var b strings.Builder
	for i, l := range lines {
		switch {
		case near[i]:
			b.WriteString(string(l.mark) + " " + l.text + "\n")
		case i == 0 || near[i-1]:
			b.WriteString("  ...\n")
		}
	}
	return b.String()
}

type line struct {
	mark rune // '-' only in want, '+' only in got, ' ' in both
	text string
}

func split(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(s, "\n"), "\n")
}

// align finds a longest common subsequence of a and b. Its table has a cell for
// every pair of lines, which golden files are small enough for.
func align(a, b []string) []line {
	common := make([][]int32, len(a)+1)
	for i := range common {
		common[i] = make([]int32, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	var out []line
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			out = append(out, line{' ', a[i]})
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && common[i+1][j] >= common[i][j+1]:
			out = append(out, line{'-', a[i]})
			i++
		default:
			out = append(out, line{'+', b[j]})
			j++
		}
	}
	return out
}
