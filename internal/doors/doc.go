// Package doors holds the tests of the wire door with client libraries, and of a
// service with otelhttp, that the library itself does not depend on. It is a
// module of its own, so that nobody else gets them.
package doors
