package llm

// Usage counts what a call used, in tokens unless said otherwise. The totals
// include their parts, as OpenTelemetry's conventions have it: Input holds the
// cached, the audio and the image tokens, Output holds the reasoning tokens.
type Usage struct {
	Input              int // tokens of the prompt
	Output             int // tokens of the answer
	CacheRead          int // part of Input, read from the provider's cache
	CacheWrite         int // part of Input, written to the provider's cache
	Reasoning          int // part of Output
	AudioInput         int // part of Input
	ImageInput         int // part of Input
	AudioOutput        int // part of Output
	AcceptedPrediction int // part of Output
	RejectedPrediction int // part of Output: billed, not shown
	Images             int // images made
}

// Add adds o to u.
func (u *Usage) Add(o *Usage) {
	u.Input += o.Input
	u.Output += o.Output
	u.CacheRead += o.CacheRead
	u.CacheWrite += o.CacheWrite
	u.Reasoning += o.Reasoning
	u.AudioInput += o.AudioInput
	u.ImageInput += o.ImageInput
	u.AudioOutput += o.AudioOutput
	u.AcceptedPrediction += o.AcceptedPrediction
	u.RejectedPrediction += o.RejectedPrediction
	u.Images += o.Images
}

// Total returns Input plus Output.
func (u Usage) Total() int { return u.Input + u.Output }

// UsageSource says where a [Usage] comes from.
type UsageSource string

// A usage is what the provider reported, or else our own count, or absent.
const (
	UsageAbsent    UsageSource = ""          // there is none
	UsageReported  UsageSource = "reported"  // by the provider
	UsageEstimated UsageSource = "estimated" // by a Meter
)

// A Counter counts the tokens of a text.
type Counter func(text string) int

// A Meter counts tokens on behalf of a run, where the provider reports none
// and to tell what a prompt is made of. Its methods may be called concurrently.
type Meter interface {
	// Estimate counts a call from what was sent and what came back. ok is false
	// if it cannot tell.
	Estimate(*Request, *Response) (u Usage, ok bool)
	// Split counts the prompt by source. ok is false if it cannot tell.
	Split(*Request) (m Makeup, ok bool)
}
