package tracing

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"sync"
)

// A hasher puts a hash in the place of a text.
type hasher struct{ key []byte }

// processKey is the key of hashes for which the program gives none.
var processKey = sync.OnceValue(func() []byte {
	key := make([]byte, sha256.Size)
	rand.Read(key) // it does not fail
	return key
})

// sum returns the first half of the HMAC of s, which is enough to tell texts
// apart, and the length of s in bytes.
func (h *hasher) sum(s string) string {
	mac := hmac.New(sha256.New, h.key)
	mac.Write([]byte(s))
	var sum [sha256.Size]byte
	b := append(make([]byte, 0, 64), "hmac-sha256:"...)
	b = hex.AppendEncode(b, mac.Sum(sum[:0])[:sha256.Size/2])
	return string(strconv.AppendInt(append(b, ':'), int64(len(s)), 10))
}
