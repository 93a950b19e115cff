// Package spantree prints spans as a tree of text that stays the same from run
// to run, for golden files:
//
//	-- tree --
//	- invoke_workflow flowershop (internal)
//	    gen_ai.operation.name = "invoke_workflow"
//	  - chat gpt-4o-mini (client) error "stream ended without a finish reason"
//	      error.type = "stream_truncated"
//	      gen_ai.response.id = <id>
//	      * first_token
//	          callspan.token.index = 0
//
// Attributes are sorted, events stand in their order, children in the order in
// which they started. What differs from run to run is replaced, see [Mask].
package spantree
