package callback

import (
	"sync"
	"sync/atomic"
	"time"
)

// Times are when the tokens of a run came: the chunks with content of each
// choice, from [Info.Started]. The zero value is ready to be handed to
// [Info.NoteTimes], and belongs to the handler that does so. While the run goes
// on, any goroutine may read what has been noted so far.
type Times struct {
	mu     sync.Mutex // guards the slice for readers; the run alone changes it
	tracks []*track   // by choice; nil for one without tokens
}

// A track is when the tokens of one choice came. The run adds; for readers, size
// and array publish what is there. A mutex would cost twice as much.
type track struct {
	at    []time.Duration
	array atomic.Pointer[[]time.Duration] // the array of at
	size  atomic.Int64                    // how many of it are noted
}

// maxChoice is the last choice that has times of its own. The tokens of others,
// which no API gives, are with it.
const maxChoice = 127

// NoteTimes has the run note in t when each of its tokens comes, until it ends. A
// handler that wants to know no more of them calls it in its Start instead of
// returning a [TokenRun], which costs more for each token. Later it does nothing,
// nor with an Info that [Start] was not given.
func (i *Info) NoteTimes(t *Times) {
	if t == nil || i.run == nil || i.run.told.Load() {
		return // without the lock, which is held while an event is told
	}
	i.run.events.Lock()
	defer i.run.events.Unlock()
	if !i.run.told.Load() {
		i.run.times = append(i.run.times, t)
	}
}

// Choices returns the number of choices: one more than the highest that has had
// a token.
func (t *Times) Choices() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(t.tracks)
	for n > 0 && (t.tracks[n-1] == nil || t.tracks[n-1].size.Load() == 0) {
		n--
	}
	return n
}

// Of returns when the tokens of a choice came, in their order. Those of choices
// above 127 or below 0, which no API gives, are with those of choice 127. The
// slice must not be changed, and is valid until [Times.Reset].
func (t *Times) Of(choice int) []time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if choice < 0 || choice >= len(t.tracks) || t.tracks[choice] == nil {
		return nil
	}
	return t.tracks[choice].noted()
}

// Reset forgets the times and keeps their memory, for another run. The one before
// has to have ended.
func (t *Times) Reset() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, k := range t.tracks {
		if k != nil {
			k.at = k.at[:0]
			k.size.Store(0)
		}
	}
}

func (t *Times) add(choice int, at time.Duration) {
	if uint(choice) > maxChoice {
		choice = maxChoice
	}
	if choice >= len(t.tracks) || t.tracks[choice] == nil {
		t.begin(choice)
	}
	k := t.tracks[choice]
	if len(k.at) == cap(k.at) {
		k.grow()
	}
	k.at = append(k.at, at)
	k.size.Store(int64(len(k.at)))
}

func (t *Times) begin(choice int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.tracks) <= choice {
		t.tracks = append(t.tracks, nil)
	}
	t.tracks[choice] = new(track)
}

func (k *track) grow() {
	bigger := make([]time.Duration, len(k.at), max(64, 2*cap(k.at)))
	copy(bigger, k.at)
	k.at = bigger
	whole := bigger[:cap(bigger)]
	k.array.Store(&whole)
}

// noted reads the size first, so that the array is one that holds as much.
func (k *track) noted() []time.Duration {
	n := k.size.Load()
	if n == 0 {
		return nil
	}
	return (*k.array.Load())[:n:n]
}
