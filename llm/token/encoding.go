package token

import (
	"fmt"
	"iter"
	"sync"
	"unicode/utf8"

	"github.com/pkoukk/tiktoken-go"
	loader "github.com/pkoukk/tiktoken-go-loader"
)

// An Encoding turns text into the tokens of a family of models. Its methods may
// be called concurrently.
//
// What looks like a special token, such as "<|endoftext|>", is ordinary text,
// as it is in what users write. Bytes that are not UTF-8 count as U+FFFD each,
// which is what encoding/json makes of them on the way to the provider.
type Encoding struct {
	name  string
	vocab *vocabulary
	runes *classes
	split splitter
	memo  *memo
}

// Get returns the encoding of that name: "o200k_base", "cl100k_base",
// "p50k_base", "p50k_edit" or "r50k_base". Its vocabulary is part of the
// program and is prepared once per process, when it is first asked for.
func Get(name string) (*Encoding, error) {
	load, ok := encodings[name]
	if !ok {
		return nil, fmt.Errorf("token: unknown encoding %q", name)
	}
	return load()
}

// ForModel returns the encoding of a model. It knows OpenAI's models by their
// beginning, so dated ("gpt-4o-2024-08-06"), fine-tuned ("ft:gpt-4o:org::id")
// and vendor-prefixed names ("openai/gpt-5") are understood.
func ForModel(model string) (*Encoding, error) {
	name, ok := encodingName(model)
	if !ok {
		return nil, fmt.Errorf("token: no encoding known for model %q", model)
	}
	return Get(name)
}

// Preload prepares the encoding of a model in the background, o200k_base if the
// model is unknown, so that the first count need not wait for it.
func Preload(model string) {
	go Get(encodingOrFallback(model))
}

var encodings = map[string]func() (*Encoding, error){
	tiktoken.MODEL_O200K_BASE:  lazy(tiktoken.MODEL_O200K_BASE, o200k, splitO200K),
	tiktoken.MODEL_CL100K_BASE: lazy(tiktoken.MODEL_CL100K_BASE, cl100k, splitCL100K),
	tiktoken.MODEL_P50K_BASE:   lazy(tiktoken.MODEL_P50K_BASE, p50k, splitGPT2),
	tiktoken.MODEL_P50K_EDIT:   lazy(tiktoken.MODEL_P50K_EDIT, p50k, splitGPT2),
	tiktoken.MODEL_R50K_BASE:   lazy(tiktoken.MODEL_R50K_BASE, r50k, splitGPT2),
}

// The vocabularies. p50k_base and p50k_edit differ only in special tokens.
var (
	o200k  = lazyVocabulary(tiktoken.MODEL_O200K_BASE)
	cl100k = lazyVocabulary(tiktoken.MODEL_CL100K_BASE)
	p50k   = lazyVocabulary(tiktoken.MODEL_P50K_BASE)
	r50k   = lazyVocabulary(tiktoken.MODEL_R50K_BASE)
)

func lazy(name string, vocab func() (*vocabulary, error), split splitter) func() (*Encoding, error) {
	return sync.OnceValues(func() (*Encoding, error) {
		v, err := vocab()
		if err != nil {
			return nil, fmt.Errorf("token: load %s: %w", name, err)
		}
		return &Encoding{name: name, vocab: v, runes: runeClasses(), split: split, memo: newMemo()}, nil
	})
}

// lazyVocabulary asks the loader itself, as tiktoken-go keeps the one it was
// given in a variable without a lock.
func lazyVocabulary(name string) func() (*vocabulary, error) {
	return sync.OnceValues(func() (*vocabulary, error) {
		ranks, err := loader.NewOfflineLoader().LoadTiktokenBpe(name + ".tiktoken")
		if err != nil {
			return nil, err
		}
		return newVocabulary(ranks)
	})
}

// Name returns the name of the encoding, such as "o200k_base".
func (e *Encoding) Name() string { return e.name }

// Count returns the number of tokens of text. It does not allocate once warm,
// except for text that is not UTF-8 or that holds a very long word. Recent
// counts are remembered by hash, in bounded memory.
func (e *Encoding) Count(text string) int {
	if text == "" {
		return 0
	}
	k := e.memo.key(text)
	if n, ok := e.memo.load(k); ok {
		return n
	}
	n := e.count(text)
	e.memo.store(k, n)
	return n
}

func (e *Encoding) count(text string) int {
	text = valid(text)
	m := mergers.Get().(*merger)
	defer m.free()
	n := 0
	for i := 0; i < len(text); {
		end := e.split(e.runes, text, i)
		if piece := text[i:end]; e.vocab.rank(piece) != none {
			n++
		} else {
			n += len(m.tokens(e.vocab, piece))
		}
		i = end
	}
	return n
}

// AppendTokens appends the tokens of text to dst and returns it.
func (e *Encoding) AppendTokens(dst []int, text string) []int {
	text = valid(text)
	m := mergers.Get().(*merger)
	defer m.free()
	for i := 0; i < len(text); {
		end := e.split(e.runes, text, i)
		piece := text[i:end]
		if r := e.vocab.rank(piece); r != none {
			dst = append(dst, int(r))
		} else {
			begin := int32(0)
			for _, end := range m.tokens(e.vocab, piece) {
				dst = append(dst, int(e.vocab.rank(piece[begin:end])))
				begin = end
			}
		}
		i = end
	}
	return dst
}

// Lengths yields the length in bytes of each token of text, in order, so that
// tokens can be laid to the parts of a text: one token may span two of them.
// The lengths add up to len(text) if text is valid UTF-8.
func (e *Encoding) Lengths(text string) iter.Seq[int] {
	return func(yield func(int) bool) {
		text := valid(text)
		m := mergers.Get().(*merger)
		defer m.free()
		for i := 0; i < len(text); {
			end := e.split(e.runes, text, i)
			piece := text[i:end]
			if e.vocab.rank(piece) != none {
				if !yield(len(piece)) {
					return
				}
			} else {
				begin := int32(0)
				for _, end := range m.tokens(e.vocab, piece) {
					if !yield(int(end - begin)) {
						return
					}
					begin = end
				}
			}
			i = end
		}
	}
}

// valid returns text with U+FFFD for each byte that is not UTF-8.
func valid(text string) string {
	if utf8.ValidString(text) {
		return text
	}
	return string([]rune(text))
}
