package retrieval

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"strings"

	"github.com/callspan/callspan/llm"
)

// checked returns a copy of docs in which each has an id of its own. Of several
// without one that say the same, the last counts.
func checked(docs []llm.Document) ([]llm.Document, error) {
	out := make([]llm.Document, 0, len(docs))
	rows := make(map[string]int, len(docs))
	for i, d := range docs {
		if strings.TrimSpace(d.Text) == "" {
			return nil, fmt.Errorf("document %d of %d, %q, has no text", i+1, len(docs), d.ID)
		}
		made := d.ID == ""
		if made {
			d.ID = idOf(d.Text)
		}
		d.Metadata = maps.Clone(d.Metadata)
		row, again := rows[d.ID]
		switch {
		case !again:
			rows[d.ID] = len(out)
			out = append(out, d)
		case made && out[row].Text == d.Text:
			out[row] = d
		default:
			return nil, fmt.Errorf("document %d of %d has the id of an earlier one, %q", i+1, len(docs), d.ID)
		}
	}
	return out, nil
}

// idOf returns an id for a text that has none, the same each time.
func idOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}
