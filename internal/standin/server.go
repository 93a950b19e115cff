package standin

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"
)

// A Server is an [API] that listens.
type Server struct {
	URL string // the base URL to give to a client, ends in /v1

	http   *http.Server
	cancel context.CancelFunc
	served chan struct{}
}

// Start serves a on a free port of the loopback interface. The caller closes
// the server.
func (a *API) Start() (*Server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start stand-in API: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &Server{
		URL: "http://" + l.Addr().String() + "/v1",
		http: &http.Server{Handler: a, ReadHeaderTimeout: time.Minute,
			BaseContext: func(net.Listener) context.Context { return ctx }},
		cancel: cancel,
		served: make(chan struct{}),
	}
	go func() {
		defer close(s.served)
		_ = s.http.Serve(l) // always "server closed"
	}()
	return s, nil
}

// Close breaks off the answers under way and stops listening. It returns when
// nothing of the server is left running.
func (s *Server) Close() error {
	s.cancel()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = s.http.Close()
	}
	<-s.served
	return err
}
