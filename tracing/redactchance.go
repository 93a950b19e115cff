package tracing

// minChance is the length of the shortest run that is told from words by its
// letters: in a shorter one chance can look like anything.
const minChance = 24

// byChance reports whether w, letters and digits, is made of what words and
// names do not have side by side: letters that rarely follow each other, and
// letters beside digits. Of random keys with 32 characters nearly all are, of
// names hardly any.
func byChance(w string) bool {
	if len(w) < minChance {
		return false
	}
	pairs, odd := 0, 0
	for i := 1; i < len(w); i++ {
		a, b := classes[w[i-1]]&alnum, classes[w[i]]&alnum
		switch {
		case a == 0 || b == 0:
			return false
		case a == digit && b == digit:
			continue
		case w[i] == w[i-1]: // xxxxxxxx
			continue
		case w[i] == w[i-1]+1: // as in the alphabet
		case a == digit || b == digit, follows[(w[i-1]|0x20)-'a']&(1<<((w[i]|0x20)-'a')) == 0:
			odd++
		}
		pairs++
	}
	least := 9 // of twenty
	if len(w) >= 32 {
		least = 7
	}
	return pairs >= minChance/2 && odd*20 >= pairs*least
}

// follows has a bit for each letter that often follows another one.
var follows = func() (t [26]uint32) {
	for i, letters := range followers {
		for _, c := range letters {
			t[i] |= 1 << (c - 'a')
		}
	}
	return t
}()

// followers are, for each letter of the alphabet, those that often follow it:
// the 250 pairs that make up seven eighths of all pairs of letters in the names
// of Go's standard library (go1.26), capitals and small letters alike. Two of
// three random pairs are not among them.
var followers = [26]string{
	"abcdfgilmnprstuvx",     // a
	"aceiloru",              // b
	"acehiklmorstuv",        // c
	"acdeilorsu",            // d
	"abcdefgilmnopqrstvwxy", // e
	"aefilorstu",            // f
	"einors",                // g
	"aeimot",                // h
	"abcdefglmnoprstvz",     // i
	"",                      // j
	"e",                     // k
	"adeilostu",             // l
	"adeimopsu",             // m
	"acdefgiklnostuv",       // n
	"abcdfgilmnoprstuvw",    // o
	"aceilmoprstu",          // p
	"u",                     // q
	"acdefgiklmnorstuvy",    // r
	"acehiklmoprstuy",       // s
	"acdefhilmoprstuy",      // t
	"beilmnprst",            // u
	"aceims",                // v
	"aeir",                  // w
	"aept",                  // x
	"ps",                    // y
	"e",                     // z
}
