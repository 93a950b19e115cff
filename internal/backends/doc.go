// Package backends runs the programs that receive telemetry in earnest, Jaeger
// and the OpenTelemetry Collector, so that tests can read back what they made of
// it:
//
//	jaeger := backends.StartJaeger(t)
//	tracer, shutdown, err := tracing.Setup(ctx, tracing.WithEndpoint(jaeger.Endpoint))
//	...
//	data, err := jaeger.Trace(ctx, id)
//
// Both are built from source with the go command, which takes minutes the first
// time and needs the module proxy; the programs are kept in the user's cache
// directory. So this happens only if the environment variable
// CALLSPAN_BACKENDS is 1. Without it, tests that ask for a backend are skipped.
//
// What is built is written down in jaeger/go.mod, a module of its own because
// of the hundreds it requires, and in otelcol/builder.yaml for the Collector's
// builder. A change there makes another program.
package backends
