package doortest

import (
	"fmt"
	"io"
	"net/http"
	"sync"
)

// most is how much of a response a client may read: several times what any
// scenario with an end sends. One has a line that never ends, and who reads that
// to its end takes all the memory there is.
const most = 128 << 20

// bounded breaks off responses that are read beyond most, and tells of the
// first one.
type bounded struct {
	base   http.RoundTripper
	broken func(error)
}

func newBounded(base http.RoundTripper, broken func(error)) *bounded {
	var once sync.Once
	return &bounded{base, func(err error) { once.Do(func() { broken(err) }) }}
}

func (b *bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.base.RoundTrip(r)
	if err == nil {
		resp.Body = &boundedBody{resp.Body, 0, b.broken}
	}
	return resp, err
}

type boundedBody struct {
	io.ReadCloser
	n      int
	broken func(error)
}

func (b *boundedBody) Read(p []byte) (int, error) {
	if b.n >= most {
		err := fmt.Errorf("read %d MiB of a response and reads on; bound what is held of a line, or name the scenario in Door.Skip", most>>20)
		b.broken(err)
		return 0, err
	}
	n, err := b.ReadCloser.Read(p)
	b.n += n
	return n, err
}
