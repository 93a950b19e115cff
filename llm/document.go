package llm

// A Document is a text that a search found, or that can be found.
type Document struct {
	ID       string // tells it apart in a store; may be empty
	Text     string
	Score    float64           // how well it fits the query; higher is better
	Metadata map[string]string // where it comes from, and the like
}
