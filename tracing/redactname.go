package tracing

import "strings"

// plainKeys end what stands before key in the names of things that are no
// secrets: keys of tables, caches, queues and texts, and public ones.
var plainKeys = []string{
	"primary", "foreign", "unique", "composite", "surrogate", "partition", "sort", "hash", "range", "row", "column", "shard",
	"lookup", "dict", "group", "grouping", "join", "order", "record", "entity", "item", "object", "file", "document", "artifact", "attribute",
	"property", "metadata", "cache", "memcache", "idempotency", "idempotent", "dedup", "deduplication", "dedupe", "correlation", "routing",
	"message", "event", "public", "pub", "websocket", "react", "i18n", "translation", "label", "title", "issue", "build", "commit", "fingerprint",
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
