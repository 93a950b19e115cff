package backends_test

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/callspan/callspan/internal/otlpjson"
)

// same fails t with each difference between the spans of want and got.
func same(t *testing.T, want, got *otlpjson.Data) {
	t.Helper()
	if len(want.Spans()) == 0 {
		t.Error("there is nothing to compare")
	}
	if diff := differences(want, got); len(diff) > 0 {
		t.Errorf("%d differences:\n%s", len(diff), strings.Join(diff[:min(len(diff), 40)], "\n"))
	}
}

// differences returns a line for each, sorted. Fields that this package has
// never heard of count. The order of spans and of attributes means nothing in
// OTLP and does not; how spans share resources and scopes does not either. Left
// out are the schema URLs of resource and scope, which Jaeger's store in memory
// does not keep.
func differences(want, got *otlpjson.Data) []string {
	sent, there := lines(want), lines(got)
	var diff []string
	for line := range sent {
		if there[line] < sent[line] {
			diff = append(diff, line+"   <- sent, not there")
		}
	}
	for line := range there {
		if sent[line] < there[line] {
			diff = append(diff, line+"   <- there, not sent")
		}
	}
	slices.Sort(diff)
	return diff
}

// lines writes all that is known of each span as lines, each of which says
// whose and what it is, and counts them:
//
//	chat gpt-4o-mini 00f067aa0ba902b7: events[3].attributes[callspan.token.index].int_value = 3
func lines(d *otlpjson.Data) map[string]int {
	out := map[string]int{}
	for _, r := range d.Traces {
		for _, s := range r.GetScopeSpans() {
			for _, span := range s.GetSpans() {
				put := func(line string) {
					out[fmt.Sprintf("%s %x: %s", span.GetName(), span.GetSpanId(), line)]++
				}
				flatten("", span, put)
				flatten("resource", r.GetResource(), put)
				flatten("scope", s.GetScope(), put)
			}
		}
	}
	return out
}

// flatten puts a line for each field of m that is set.
func flatten(path string, m proto.Message, put func(string)) {
	if b := m.ProtoReflect().GetUnknown(); len(b) > 0 {
		put(fmt.Sprintf("%s unknown fields %x", path, []byte(b)))
	}
	m.ProtoReflect().Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		at := strings.TrimPrefix(path+"."+string(f.Name()), ".")
		if !f.IsList() {
			flattenValue(at, f, v, put)
			return true
		}
		for i := range v.List().Len() {
			v := v.List().Get(i)
			if f.Kind() == protoreflect.MessageKind {
				if kv, ok := v.Message().Interface().(*commonpb.KeyValue); ok {
					flatten(at+"["+kv.GetKey()+"]", kv.GetValue(), put)
					continue
				}
			}
			flattenValue(fmt.Sprintf("%s[%d]", at, i), f, v, put)
		}
		return true
	})
}

func flattenValue(at string, f protoreflect.FieldDescriptor, v protoreflect.Value, put func(string)) {
	switch f.Kind() {
	case protoreflect.MessageKind:
		flatten(at, v.Message().Interface(), put)
	case protoreflect.BytesKind:
		put(at + " = " + hex.EncodeToString(v.Bytes()))
	case protoreflect.EnumKind:
		put(fmt.Sprintf("%s = %v", at, f.Enum().Values().ByNumber(v.Enum()).Name()))
	case protoreflect.StringKind:
		put(fmt.Sprintf("%s = %q", at, v.String()))
	default:
		put(fmt.Sprintf("%s = %v", at, v.Interface()))
	}
}

// TestDifferences changes one thing at a time.
func TestDifferences(t *testing.T) {
	const sample = `{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},
		"scopeSpans":[{"scope":{"name":"callspan","version":"1"},"spans":[{"traceId":"000102030405060708090a0b0c0deeff","spanId":"fbffbe0000000001","parentSpanId":"123456789abcdef0","flags":257,
		"name":"chat","kind":3,"startTimeUnixNano":"1763719200000000001","endTimeUnixNano":"1763719201000000000","droppedEventsCount":7,
		"attributes":[{"key":"n","value":{"intValue":"0"}},{"key":"list","value":{"arrayValue":{"values":[{"intValue":"1"},{"intValue":"2"}]}}}],
		"events":[{"timeUnixNano":"1763719200500000000","name":"token","attributes":[{"key":"i","value":{"intValue":"4"}}]}],"status":{"message":"cut","code":2}}]}]}]}`
	read := func(text string) *otlpjson.Data {
		d, err := otlpjson.Read(strings.NewReader(strings.Join(strings.Fields(text), "")))
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	want := read(sample)
	for _, tc := range []struct{ old, new, diff string }{
		{`"name":"chat"`, `"name":"chit"`, `name = "chat"`},
		{`"kind":3`, `"kind":2`, `kind = SPAN_KIND_CLIENT`},
		{`"parentSpanId":"123456789abcdef0",`, ``, `parent_span_id = 123456789abcdef0`},
		{`000102`, `ff0102`, `trace_id = 000102030405060708090a0b0c0deeff`},
		{`"fbff`, `"00ff`, `chat fbffbe0000000001: span_id = fbffbe0000000001`},
		{`"flags":257,`, ``, `flags = 257`},
		{`00001","end`, `00002","end`, `start_time_unix_nano = 1763719200000000001`},
		{`1763719201000000000`, `1763719201000000001`, `end_time_unix_nano = 1763719201000000000`},
		{`:7`, `:8`, `dropped_events_count = 7`},
		{`"intValue":"0"`, `"doubleValue":0`, `attributes[n].int_value = 0`},
		{`{"intValue":"1"},{"intValue":"2"}`, `{"intValue":"2"},{"intValue":"1"}`, `attributes[list].array_value.values[0].int_value = 1`},
		{`"key":"n"`, `"key":"m"`, `attributes[n].int_value = 0`},
		{`500000000`, `500000001`, `events[0].time_unix_nano = 1763719200500000000`},
		{`"token"`, `"other"`, `events[0].name = "token"`},
		{`"intValue":"4"`, `"intValue":"5"`, `events[0].attributes[i].int_value = 4`},
		{`"code":2`, `"code":1`, `status.code = STATUS_CODE_ERROR`},
		{`"cut"`, `""`, `status.message = "cut"`},
		{`"shop"`, `"tea"`, `resource.attributes[service.name].string_value = "shop"`},
		{`"version":"1"`, `"version":"2"`, `scope.version = "1"`},
	} {
		if strings.Count(sample, tc.old) != 1 {
			t.Errorf("%s is in the sample %d times", tc.old, strings.Count(sample, tc.old))
		}
		diff := strings.Join(differences(want, read(strings.Replace(sample, tc.old, tc.new, 1))), "\n")
		if !strings.Contains(diff+"\n", tc.diff+"   <- sent, not there\n") {
			t.Errorf("%s instead of %s: got\n%s", tc.new, tc.old, diff)
		}
	}
	twice := read(sample)
	twice.Traces = append(twice.Traces, twice.Traces...)
	if len(differences(want, twice)) == 0 || len(differences(twice, want)) == 0 {
		t.Error("a span that is there twice is no difference")
	}
	if diff := differences(want, read(sample)); len(diff) > 0 {
		t.Errorf("with itself: got %q", diff)
	}
}
