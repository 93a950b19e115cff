package callback

import "syscall"

// What Windows says where other systems have the errors of package syscall, which
// on Windows are numbers that only Go uses.
const (
	wsaNetUnreachable  = syscall.Errno(10051)
	wsaConnAborted     = syscall.Errno(10053)
	wsaConnReset       = syscall.Errno(10054)
	wsaConnRefused     = syscall.Errno(10061)
	wsaHostUnreachable = syscall.Errno(10065)
)

// networkErrors are what the system says of the network, by what that is called
// in error.type.
var networkErrors = []networkError{
	{"connection_refused", []error{wsaConnRefused, syscall.ECONNREFUSED}},
	{"connection_reset", []error{wsaConnReset, wsaConnAborted, syscall.ECONNRESET, syscall.EPIPE}},
	{"host_unreachable", []error{wsaHostUnreachable, wsaNetUnreachable, syscall.EHOSTUNREACH, syscall.ENETUNREACH}},
}
