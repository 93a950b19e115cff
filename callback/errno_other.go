//go:build !windows

package callback

import "syscall"

// networkErrors are what the system says of the network, by what that is called
// in error.type.
var networkErrors = []networkError{
	{"connection_refused", []error{syscall.ECONNREFUSED}},
	{"connection_reset", []error{syscall.ECONNRESET, syscall.EPIPE}},
	{"host_unreachable", []error{syscall.EHOSTUNREACH, syscall.ENETUNREACH}},
}
