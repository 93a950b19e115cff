// Package otlpjson writes and reads telemetry as lines of OTLP JSON, the form
// of the OpenTelemetry Collector's file exporter: one export request per line,
// {"resourceSpans":[...]} or {"resourceMetrics":[...]}, field names in
// lowerCamelCase, ids in lower-case hex, 64-bit integers as strings, enums as
// numbers (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding).
package otlpjson
