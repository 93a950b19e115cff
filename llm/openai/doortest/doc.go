// Package doortest checks doors: what stands between a program and a model API
// of OpenAI's dialect and announces the program's calls as runs of
// [github.com/callspan/callspan/callback].
//
// A test gives [Run] the door, which opens clients of a server that answers and
// fails as scripted. Every scenario is played to several consumers, streamed and
// in one piece, with the door and without it. The caller has to see the same
// both times, piece by piece, and the same error; the run has to end once and
// say what the scenario expects: every choice with its text, tool calls and
// finish reason, error.type, usage and cost, the time to the first content.
//
// There are scenarios for chats, text completions, responses and embeddings. A
// door that has one of them is tested by one call of Run:
//
//	func TestDoor(t *testing.T) {
//		doortest.Run(t, doortest.Door{API: llm.APIChat, Open: func(baseURL string, c *http.Client, hs ...callback.Handler) doortest.Client {
//			client := library.New(baseURL, c)
//			if len(hs) > 0 {
//				client = mydoor.Wrap(client, hs...)
//			}
//			return func(ctx context.Context, stream bool) iter.Seq2[doortest.Piece, error] { ... }
//		}})
//	}
//
// A proxy is a door too, with [Door.Remote]: Open returns a client that starts the
// proxy before its call and stops it afterwards, and without handlers one that
// calls through another proxy, which shows what any proxy changes.
//
// Goroutines that stay behind are for the caller's TestMain to find.
package doortest
