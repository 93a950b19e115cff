package main

import (
	"bytes"
	"strings"
	"testing"
)

// shown returns the lines of a terminal that was sent text.
func shown(t *testing.T, text string, width int) []string {
	t.Helper()
	lines := [][]rune{nil}
	at := 0
	for _, r := range text {
		line := &lines[len(lines)-1]
		switch r {
		case '\n':
			lines, at = append(lines, nil), 0
			continue
		case '\b':
			at--
			continue
		}
		for range cells.RuneWidth(r) {
			if at == len(*line) {
				*line = append(*line, 0)
			}
			(*line)[at] = 0
			at++
		}
		(*line)[at-cells.RuneWidth(r)] = r
		if at > width {
			t.Fatalf("more than %d columns in %q", width, text)
		}
	}
	var out []string
	for _, line := range lines {
		out = append(out, strings.TrimRight(strings.ReplaceAll(string(line), "\x00", ""), " "))
	}
	return out
}

// TestSpeech: lines end between words, however the words come.
func TestSpeech(t *testing.T) {
	for _, tc := range []struct {
		name, said string
		width      int
		want       string
	}{
		{"fits", "pink roses", 40, "Shop  pink roses"},
		{"in a narrow terminal", "pink roses and eucalyptus", 20, "Shop  pink roses|and eucalyptus"},
		{"below each other", "a large Diana and the spray rose Pink Pearl, both elegant", 40, "Shop  a large Diana and the spray rose|      Pink Pearl, both elegant"},
		{"wide characters", "好的,粉色玫瑰很合适,我们有两种。", 20, "Shop  好的,粉色玫瑰|很合适,我们有两种。"},
		{"lines of its own", "pink\nroses\n\nred", 40, "Shop  pink|      roses||      red"},
		{"a line that is full", "pink eucalypt and roses", 20, "Shop  pink eucalypt|and roses"},
		{"a word as long as a line", "eucalyptuses and roses", 19, "Shop  eucalyptuses|and roses"},
		{"many spaces", "pink            roses", 20, "Shop  pink|roses"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, step := range []int{1, 2, 3, 7, 1000} { // how many bytes come at once
				var b bytes.Buffer
				p := screen{width: tc.width, terminal: true}.speak(&b, "Shop")
				runes := []rune(tc.said)
				for len(runes) > 0 {
					n := min(step, len(runes))
					p.say(string(runes[:n]))
					runes = runes[n:]
				}
				if got := strings.Join(shown(t, b.String(), tc.width), "|"); got != tc.want {
					t.Errorf("%d at once: %s\nwant %s", step, got, tc.want)
				}
			}
		})
	}
	var b bytes.Buffer
	screen{width: 20}.speak(&b, "Shop").say("pink roses and eucalyptus")
	if b.String() != "Shop  pink roses and eucalyptus" {
		t.Errorf("without a terminal: %q", b.String())
	}
}
