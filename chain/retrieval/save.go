package retrieval

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/callspan/callspan/llm"
)

// A record is a line of a saved store. The vector is base64 of little-endian
// 32-bit floats: a third of the size of decimal numbers, and exact.
type record struct {
	ID       string            `json:"id"`
	Text     string            `json:"text"`
	Metadata map[string]string `json:"metadata,omitempty"`
	Vector   []byte            `json:"vector"`
}

// Save writes the documents to w with their vectors, as a JSON object a line, so
// that they need not be embedded again. The store can be used meanwhile; what is
// written is what it held at the start.
func (s *Store) Save(w io.Writer) error {
	if isNil(w) {
		return fmt.Errorf("save %q: %w", s.name(), misused("the writer is nil"))
	}
	s.mu.RLock()
	docs, matrix, n := slices.Clone(s.docs), slices.Clone(s.matrix), s.dimensions
	s.mu.RUnlock()
	out := bufio.NewWriter(w)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	var vector []byte
	for i, d := range docs {
		vector = vector[:0]
		for _, x := range matrix[i*n : (i+1)*n] {
			vector = binary.LittleEndian.AppendUint32(vector, math.Float32bits(x))
		}
		if err := enc.Encode(record{d.ID, d.Text, d.Metadata, vector}); err != nil {
			return fmt.Errorf("save %q: %w", s.name(), err)
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("save %q: %w", s.name(), err)
	}
	return nil
}

// Load adds what [Store.Save] wrote: all of it, or on an error nothing. The
// embedder has to be the one that the documents were saved from, which only the
// length of the vectors can tell.
func (s *Store) Load(r io.Reader) error {
	if isNil(r) {
		return fmt.Errorf("load into %q: %w", s.name(), misused("the reader is nil"))
	}
	var (
		docs    []llm.Document
		vectors [][]float32
	)
	for d := json.NewDecoder(r); ; {
		var rec record
		err := d.Decode(&rec)
		if errors.Is(err, io.EOF) {
			break
		}
		switch {
		case err != nil:
		case rec.ID == "":
			err = errors.New("it has no id")
		case len(rec.Vector)%4 != 0:
			err = errors.New("its vector is cut")
		}
		if err != nil {
			return fmt.Errorf("load into %q: document %d: %w", s.name(), len(docs)+1, err)
		}
		v := make([]float32, len(rec.Vector)/4)
		for i := range v {
			v[i] = math.Float32frombits(binary.LittleEndian.Uint32(rec.Vector[4*i:]))
		}
		docs = append(docs, llm.Document{ID: rec.ID, Text: rec.Text, Metadata: rec.Metadata})
		vectors = append(vectors, v)
	}
	if len(docs) == 0 {
		return nil
	}
	docs, err := checked(docs)
	if err == nil {
		err = s.put(docs, vectors)
	}
	if err != nil {
		return fmt.Errorf("load into %q: %w", s.name(), err)
	}
	return nil
}
