package tracing

import "strings"

// A secrecy is how a value is known to be a secret.
type secrecy uint8

const (
	noSecret secrecy = iota
	bearerSecret
	basicSecret
	namedSecret
	keyOfThing // of what the name says, which may be anything: AZURE_KEY
	keyAlone   // its name is key and nothing else
)

const maxName = 48

// secretNames end the names of what is secret, without - and _.
var secretNames = []string{
	"apikey", "accesskey", "secretkey", "accountkey", "sharedaccesskey", "privatekey", "authkey", "subscriptionkey",
	"functionskey", "masterkey", "encryptionkey", "signingkey", "adminkey", "servicekey", "appkey", "apikeys", "secretkeys", "accesskeys",
	"token", "secret", "secretid", "secretvalue", "password", "passwd", "pwd", "passphrase", "credential", "credentials",
	"auth", "authorization", "cookie", "jwt",
}

// nameSays returns what the name of a thing says about its value. A signature
// is secret in a URL only, as are the short names of some clouds. A number at
// the end counts for nothing.
func nameSays(word string, query bool) secrecy {
	var buf [maxName]byte
	n := 0
	for i := max(0, len(word)-maxName); i < len(word); i++ {
		if is(word[i], alnum) {
			buf[n] = word[i] | 0x20 // lower case; digits have the bit
			n++
		}
	}
	for n > 0 && is(buf[n-1], digit) {
		n--
	}
	b := string(buf[:n])
	switch b {
	case "":
		return noSecret
	case "pwd", "oldpwd":
		if word[0] == 'P' || word[0] == 'O' { // the shell's directory
			return noSecret
		}
		return namedSecret
	case "ak", "sk", "setcookie":
		return namedSecret
	case "sig", "signature", "code", "xamzsignature", "xgoogsignature":
		if query {
			return namedSecret
		}
		return noSecret
	case "key":
		if query {
			return namedSecret
		}
		return keyAlone
	case "nexttoken", "continuationtoken":
		return noSecret
	}
	for _, end := range secretNames {
		if strings.HasSuffix(b, end) {
			if strings.HasSuffix(b, "pagetoken") {
				return noSecret
			}
			return namedSecret
		}
	}
	if of, ok := strings.CutSuffix(b, "key"); ok && !plainKey(of) {
		return keyOfThing
	}
	return noSecret
}

// secretName reports whether the value of a thing with this name is secret.
func secretName(word string, query bool) bool { return nameSays(word, query) == namedSecret }

// keySays returns what the word key or keys says in a text, by the word before
// it: API key and the like are names of secrets, cache key and the like are none.
func keySays(before, word string) secrecy {
	if strings.EqualFold(before, "authorization") { // Authorization: Key ...
		return namedSecret
	}
	how := nameSays(before+word, false)
	if how == keyOfThing {
		return keyAlone
	}
	return how
}

// filler reports whether a word may stand between a name and its value.
func filler(word string) bool {
	switch strings.ToLower(word) {
	case "is", "are", "was", "be", "to", "set", "value", "provided", "given", "supplied", "passed", "used", "sent", "received", "found",
		"invalid", "incorrect", "wrong", "expired", "revoked":
		return true
	}
	return false
}

// cueSays tells whether s ends with the name of a secret in Chinese.
func cueSays(s string) secrecy {
	s = strings.TrimRight(s[max(0, len(s)-24):], " \"'`*：:=")
	for _, cue := range [...]string{"密钥", "秘钥", "金钥", "令牌", "口令", "密码"} {
		if strings.HasSuffix(s, cue) {
			return namedSecret
		}
	}
	return noSecret
}

// plainKeys end what stands before key in the names of things that are no
// secrets: keys of tables, caches, queues and texts, and public ones.
var plainKeys = []string{
	"primary", "foreign", "unique", "composite", "surrogate", "partition", "sort", "hash", "range", "row", "column", "shard",
	"lookup", "dict", "group", "grouping", "join", "order", "record", "entity", "item", "object", "file", "document", "artifact", "attribute",
	"property", "metadata", "cache", "memcache", "idempotency", "idempotent", "dedup", "deduplication", "dedupe", "correlation", "routing",
	"message", "event", "public", "pub", "openpgp", "dns", "websocket", "react", "i18n", "translation", "label", "title", "issue", "build", "commit", "fingerprint",
}

// plainKey reports whether the key of a thing that is called so is no secret.
// The name is in lower case, without - and _.
func plainKey(of string) bool {
	for _, end := range plainKeys {
		if strings.HasSuffix(of, end) {
			return true
		}
	}
	return false
}
