// Package tracing turns every callback run into an OpenTelemetry span: a start
// opens it, streamed tokens become its events, the end closes it with token
// counts and cost.
//
// A service that has its own SDK set-up adds one handler:
//
//	tracer := tracing.New(tracing.WithTracerProvider(tp), tracing.WithMeterProvider(mp))
//	ctx = callback.WithHandlers(ctx, tracer)
//
// It keeps its own export with the limits that has: receivers refuse a request
// above 4 MiB, or with text that is not UTF-8, as a whole, and a full queue drops
// spans unseen. [NewClient] around its OTLP client keeps requests small, repairs
// text and counts what a receiver did not take; the service's queue it cannot
// see. Runs that are still open have their spans only if [Tracer.Shutdown] is
// called before the provider's.
//
// A program that has none lets [Setup] read the OTEL_* variables:
//
//	tracer, shutdown, err := tracing.Setup(ctx)
//	if err != nil {
//		return err
//	}
//	defer shutdown(context.Background())
//
// Model calls follow the GenAI semantic conventions 1.41; what they do not
// define is under callspan.*. Usage and cost stand only on the span of the call
// that made them, totals of a subtree under callspan.total.*, so that no
// backend counts twice. What was asked and answered is not recorded unless
// [WithContent] says so, then redacted as [WithRedactor] says or hashed, and in
// bounds. What can be known as a key is taken out of every text of a span.
package tracing
