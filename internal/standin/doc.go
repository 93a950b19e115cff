// Package standin is a model API to run against instead of a real one: it
// speaks OpenAI's dialect over HTTP and server-sent events (chat completions,
// text completions, responses, embeddings), answers what its Reply function says, and fails
// when told to.
//
//	api := &standin.API{Reply: func(ctx context.Context, r *standin.Request) (standin.Reply, error) {
//		return standin.Text("Three pink roses."), nil
//	}}
//	server, err := api.Start()
//	if err != nil {
//		return err
//	}
//	defer server.Close()
//	config := openai.DefaultConfig("any key")
//	config.BaseURL = server.URL
//
// Every answer is a [Script], a list of steps that are played one after the
// other. The ordinary answer is such a script too, and a scenario plays as much
// of it as it likes between its own steps: "three chunks of the answer, then a
// TCP reset". So there is one way in which bytes reach a client.
package standin
