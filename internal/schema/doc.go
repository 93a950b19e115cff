// Package schema describes Go types to language models in JSON schemas, and
// reads what the models then send. The arguments of tools and structured answers
// are made of it, so that a type means the same in both.
//
// A schema describes what encoding/json reads into the type:
//
//	bool                           boolean
//	int, uint8, ...                integer, with the bounds of small types
//	float32, float64, json.Number  number
//	string                         string
//	[]byte                         string in base64
//	time.Time                      string, format date-time
//	time.Duration                  integer, nanoseconds
//	big.Int                        integer
//	what has UnmarshalText,        string
//	  slog.Level
//	slice                          array
//	array                          array of its length
//	map                            object of any names; keys are strings, integers
//	                               or have UnmarshalText
//	struct                         object of its fields and no others
//	*T                             T or null
//	any, json.RawMessage           anything
//
// Fields have the names that encoding/json gives them, and embedded structs put
// theirs where it does. A field with omitempty or omitzero may be left out; the
// others are required. The tag jsonschema describes a field. All else has no
// schema: what has its own UnmarshalJSON, interfaces with methods, functions,
// channels, complex numbers, pointers to themselves, fields with the option
// string, and two fields of a struct that share a name.
//
// A type that contains itself, such as a tree, is described once, in $defs under
// the name that it has in Go, and referred to wherever it stands but at the top.
//
// In OpenAI's strict mode all fields are required, and those that may be left out
// may be null instead; maps and what may hold anything have no place in it
// (https://platform.openai.com/docs/guides/structured-outputs#supported-schemas).
// How deep and how long a schema may be is left to the provider to say, since
// that changes.
//
// Reading is more tolerant than the schema where encoding/json is, and where
// models are known to err: null stands for a field that may be left out and for
// an empty list or map, and 2.0 is an integer. It is less tolerant than
// encoding/json in that required fields have to be there, unknown ones must not,
// names are of the case that the schema gives, and null is no number or text.
// Nothing may be nested more than 500 levels deep.
package schema
