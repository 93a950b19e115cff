package visible

import "testing"

func TestText(t *testing.T) {
	for _, tc := range []struct{ name, in, want string }{
		{"plain", "pink roses", "pink roses"},
		{"chinese and emoji stay", "玫瑰 👩‍🌾 ✌️", "玫瑰 👩‍🌾 ✌️"},
		{"escape sequence is shown", "\x1b[2J\x1b]0;pwned\x07", "␛[2J␛]0;pwned␇"},
		{"line feed and tab stay", "a\n\tb", "a\n\tb"},
		{"carriage return is shown", "good\rbad", "good␍bad"},
		{"delete", "\x7f", "␡"},
		{"C1 control sequence introducer", "\u009b31m", `\u009b31m`},
		{"direction override", "\u202egpj", `\u202egpj`},
		{"half a rune", "\xe7\x8e", `\xe7\x8e`},
		{"a real replacement character stays", "\ufffd", "\ufffd"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := Text(tc.in); got != tc.want {
				t.Errorf("Text(%q) = %q, want %q", tc.in, got, tc.want)
			}
		})
	}
}

func TestLine(t *testing.T) {
	if got, want := Line("a\n\tb"), "a␊␉b"; got != want {
		t.Errorf("Line = %q, want %q", got, want)
	}
}

func TestURL(t *testing.T) {
	for in, want := range map[string]string{
		"http://user:secret@host:4317/path?key=secret#x": "http://host:4317/path",
		"https://host": "https://host", "host:4317": "host:4317", "": "", "://": "://",
	} {
		if got := URL(in); got != want {
			t.Errorf("URL(%q) = %q, want %q", in, got, want)
		}
	}
}
