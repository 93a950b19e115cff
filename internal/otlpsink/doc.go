// Package otlpsink is an OTLP receiver inside the process: a gRPC server on the
// loopback interface that takes traces and metrics as a collector does and
// keeps them.
//
//	sink, err := otlpsink.Config{}.Start()
//	if err != nil {
//		return err
//	}
//	defer sink.Close()
//	exporter, err := otlptracegrpc.New(ctx, otlptracegrpc.WithEndpoint(sink.Endpoint()), otlptracegrpc.WithInsecure())
//
// A function of its [Config] sees each request first. There a test refuses,
// delays, or takes a part of it, and a program writes it to a file with
// [github.com/callspan/callspan/internal/otlpjson].
package otlpsink
