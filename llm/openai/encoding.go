package openai

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"io"
	"net/http"
	"slices"
	"strings"
)

// opener returns what opens the content coding of that name; nil if it is not
// known here.
func opener(coding string) func(io.Reader) (io.Reader, error) {
	switch coding {
	case "gzip", "x-gzip":
		return openGzip
	case "deflate":
		return openDeflate
	}
	return nil
}

// A gunzip reads gzip's format. Unlike a gzip.Reader it hands out the end of a
// member before it looks for another one, which may take for ever to come.
type gunzip struct {
	in     *bufio.Reader
	member *gzip.Reader
	ended  bool // the member is read
}

func openGzip(r io.Reader) (io.Reader, error) {
	g := &gunzip{in: bufio.NewReader(r), member: new(gzip.Reader)}
	return g, g.open()
}

// open begins the next member.
func (g *gunzip) open() error {
	if err := g.member.Reset(g.in); err != nil {
		return err
	}
	g.member.Multistream(false)
	g.ended = false
	return nil
}

// Read implements [io.Reader].
func (g *gunzip) Read(p []byte) (n int, err error) {
	for n == 0 && err == nil && len(p) > 0 {
		if g.ended {
			if err = g.open(); err != nil {
				break
			}
		}
		if n, err = g.member.Read(p); err == io.EOF {
			g.ended, err = true, nil
		}
	}
	return n, err
}

// openDeflate opens what servers send as deflate: zlib's format as the standard
// says, or bare, as some do.
func openDeflate(r io.Reader) (io.Reader, error) {
	b := bufio.NewReader(r)
	head, err := b.Peek(2)
	if err == io.EOF && len(head) > 0 {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, err
	}
	if head[0]&0x0f == 8 && (int(head[0])<<8|int(head[1]))%31 == 0 {
		return zlib.NewReader(b)
	}
	return flate.NewReader(b), nil
}

// accept returns the Accept-Encoding to send for a client that sends header: of
// the codings that it accepts those that can be read along, or none at all, so
// that an event can be kept from the client. A client that leaves no such choice
// gets what it asks for.
func accept(header []string, plain bool) []string {
	if len(header) == 0 || strict(header) {
		return header
	}
	if plain {
		return []string{"identity"}
	}
	var known []string
	changed := false
	for c := range codings(header) {
		if name, _ := quality(c); name == "identity" || opener(name) != nil {
			known = append(known, c)
		} else {
			changed = true
		}
	}
	if !changed || len(known) == 0 {
		return header
	}
	return []string{strings.Join(known, ", ")}
}

// strict reports whether a client does not take an answer as it is.
func strict(header []string) bool {
	any, identity := false, ""
	for c := range codings(header) {
		switch name, q := quality(c); name {
		case "*":
			any = q == "0"
		case "identity":
			identity = q
		}
	}
	return identity == "0" || any && identity == ""
}

// codings yields the elements of the header, as they are.
func codings(header []string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for _, line := range header {
			for c := range strings.SplitSeq(line, ",") {
				if c = strings.TrimSpace(c); c != "" && !yield(c) {
					return
				}
			}
		}
	}
}

// quality returns the name of a coding, and its weight: "0" if it is refused,
// else "1".
func quality(c string) (name, q string) {
	name, params, _ := strings.Cut(c, ";")
	name, q = strings.ToLower(strings.TrimSpace(name)), "1"
	if key, v, ok := strings.Cut(params, "="); ok && strings.EqualFold(strings.TrimSpace(key), "q") &&
		strings.Trim(strings.TrimSpace(v), "0.") == "" {
		q = "0"
	}
	return name, q
}

// signed reports whether a request with these headers must not be changed, as
// the client has signed it or has compressed its body.
func signed(h http.Header) bool {
	return slices.ContainsFunc([]string{"Content-Encoding", "Content-MD5", "Digest", "Content-Digest", "Signature", "X-Amz-Content-Sha256"},
		func(name string) bool { return h.Get(name) != "" }) || strings.HasPrefix(h.Get("Authorization"), "AWS4-")
}

// A decoded is a body without its content coding.
type decoded struct {
	io.ReadCloser
	open  func(io.Reader) (io.Reader, error)
	plain io.Reader
	err   error
}

// Read implements [io.Reader].
func (d *decoded) Read(p []byte) (int, error) {
	if d.plain == nil && d.err == nil {
		d.plain, d.err = d.open(d.ReadCloser)
	}
	if d.err != nil {
		return 0, d.err
	}
	return d.plain.Read(p)
}
