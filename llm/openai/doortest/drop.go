package doortest

import (
	"io"
	"net/http"
)

// dribbling hands responses over in pieces of a byte, and of some from where
// they are long.
type dribbling struct{ base http.RoundTripper }

func (d dribbling) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := d.base.RoundTrip(r)
	if err == nil {
		resp.Body = &drops{ReadCloser: resp.Body}
	}
	return resp, err
}

type drops struct {
	io.ReadCloser
	n int
}

func (d *drops) Read(p []byte) (int, error) {
	if most := 1 + d.n>>13; len(p) > most {
		p = p[:most]
	}
	n, err := d.ReadCloser.Read(p)
	d.n += n
	return n, err
}
