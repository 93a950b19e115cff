package otlpjson

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// OTLP JSON writes ids in hex where protobuf's JSON writes base64. Both
// alphabets hold the sixteen hex digits, and the length of an id makes whole
// groups of four digits, so the bytes that base64 prints as the hex text can
// stand in for the id while protojson is at work.

// idToHex returns the bytes whose base64 is the hex text of id.
func idToHex(id []byte) ([]byte, error) {
	return base64.StdEncoding.DecodeString(hex.EncodeToString(id))
}

// hexToID is the inverse of idToHex.
func hexToID(b []byte) ([]byte, error) {
	return hex.DecodeString(base64.StdEncoding.EncodeToString(b))
}

// idSize returns the bytes of an id that a field holds, in hex or as they are,
// 0 if it holds none.
func idSize(f protoreflect.FieldDescriptor) int {
	if f.Kind() != protoreflect.BytesKind {
		return 0
	}
	switch f.Name() {
	case "trace_id":
		return 16
	case "span_id", "parent_span_id":
		return 8
	}
	return 0
}

// eachID replaces every id in m, of spans, links and exemplars, through
// convert. An id that is or becomes of a wrong size is an error.
func eachID(m protoreflect.Message, convert func([]byte) ([]byte, error)) (err error) {
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch size := idSize(f); {
		case size > 0:
			id, convErr := convert(v.Bytes())
			if convErr != nil || len(id) != size && len(v.Bytes()) != size {
				err = fmt.Errorf("%s is not %d bytes in hex", f.JSONName(), size)
				break
			}
			m.Set(f, protoreflect.ValueOfBytes(id))
		case f.Kind() != protoreflect.MessageKind:
		case f.IsList():
			for i := 0; i < v.List().Len() && err == nil; i++ {
				err = eachID(v.List().Get(i).Message(), convert)
			}
		default:
			err = eachID(v.Message(), convert)
		}
		return err == nil
	})
	return err
}
