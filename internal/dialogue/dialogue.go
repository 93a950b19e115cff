// Package dialogue holds the flower shop conversation that the demo and the
// examples run: 30 turns of a customer and a florist, in Chinese and English.
package dialogue

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"sync"
)

//go:embed flower-shop.json
var flowerShop []byte

// A Turn is what the customer says and what the florist answers.
type Turn struct {
	User, Reply string
}

var turns = sync.OnceValues(func() (map[string][]Turn, error) {
	var d struct {
		Turns []struct {
			User  map[string]string `json:"user"`
			Reply map[string]string `json:"reply"`
		} `json:"turns"`
	}
	if err := json.Unmarshal(flowerShop, &d); err != nil {
		return nil, fmt.Errorf("read the flower shop dialogue: %w", err)
	}
	m := map[string][]Turn{}
	for _, t := range d.Turns {
		for lang := range t.User {
			m[lang] = append(m[lang], Turn{t.User[lang], t.Reply[lang]})
		}
	}
	return m, nil
})

// FlowerShop returns the first n turns in the language "zh" or "en".
func FlowerShop(lang string, n int) ([]Turn, error) {
	all, err := turns()
	if err != nil {
		return nil, err
	}
	if len(all[lang]) < n {
		return nil, fmt.Errorf("flower shop dialogue has %d turns in %q, not %d", len(all[lang]), lang, n)
	}
	return all[lang][:n], nil
}
