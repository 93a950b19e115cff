package tracing

import (
	"strings"
	"unicode/utf8"
)

// What the words before a number say of it.
type cue int

const (
	noCue cue = iota
	phoneCue
	otherCue // an order, an account: no phone
)

var (
	phoneWords = []string{"phone", "phones", "telephone", "tel", "mobile", "cell", "cellphone", "call", "fax", "whatsapp", "telefon", "handy", "mobil",
		"tél", "téléphone", "móvil", "teléfono", "sms", "ph", "hotline"}
	phoneSigns = []string{"电话", "手机", "致电", "拨打", "热线", "传真", "座机", "電話", "手機", "携帯", "电话号码", "手机号", "手机号码", "联系方式", "微信"}
	otherWords = []string{"order", "orders", "id", "invoice", "ref", "reference", "sku", "isbn", "issn", "ean", "upc", "gtin", "ticket", "case", "account", "tracking", "serial",
		"version", "part", "item", "article", "bestellung", "rechnung", "pid", "uid", "oid", "time", "timestamp", "ts", "size", "total", "offset", "seed", "port"}
	otherSigns = []string{"订单", "单号", "订单号", "编号", "流水号", "运单", "账号", "帐号", "学号", "工号", "票号", "金额", "注文"}
	fillWords  = []string{"number", "no", "nr", "num", "is", "at", "me", "us", "on", "or", "under", "the", "our", "my"}
	fillSigns  = []string{"号码", "号", "是", "为", "：", "（", "番号"}
)

// cueBefore looks at the few words at the end of s.
func cueBefore(s string) cue {
	w := s[max(0, len(s)-48):]
	for range 6 {
		w = strings.TrimRight(w, " \t\"'`:=.([{\\")
		if sign := suffixIn(w, fillSigns); sign != "" {
			if c := signCue(w); c != noCue {
				return c
			}
			w = w[:len(w)-len(sign)]
			continue
		}
		if c := signCue(w); c != noCue {
			return c
		}
		word := lastWord(w)
		switch {
		case word == "":
			return noCue
		case wordIn(word, phoneWords):
			return phoneCue
		case wordIn(word, otherWords):
			return otherCue
		case !wordIn(word, fillWords):
			return noCue
		}
		w = w[:len(w)-len(word)]
	}
	return noCue
}

func signCue(w string) cue {
	if w == "" || w[len(w)-1] < utf8.RuneSelf {
		return noCue
	}
	if suffixIn(w, otherSigns) != "" {
		return otherCue
	}
	if suffixIn(w, phoneSigns) != "" {
		return phoneCue
	}
	return noCue
}

func suffixIn(w string, signs []string) string {
	if w == "" || w[len(w)-1] < utf8.RuneSelf {
		return ""
	}
	for _, sign := range signs {
		if strings.HasSuffix(w, sign) {
			return sign
		}
	}
	return ""
}

func wordIn(word string, words []string) bool {
	for _, w := range words {
		if strings.EqualFold(word, w) {
			return true
		}
	}
	return false
}

// lastWord returns the letters at the end of w; of an identifier, its last
// part.
func lastWord(w string) string {
	i := len(w)
	for i > 0 && (is(w[i-1], upper|lower) || w[i-1] >= utf8.RuneSelf) {
		r, n := utf8.DecodeLastRuneInString(w[:i])
		if r >= 0x2000 {
			break // Chinese has no words with spaces between them
		}
		i -= n
		if is(w[i], upper) && i > 0 && is(w[i-1], lower) {
			break // the P of mobilePhone
		}
	}
	return w[i:]
}
