// Package agent lets a model use tools until it has an answer.
//
//	stock, err := tool.New("stock", "How many stems are in stock.", func(ctx context.Context, q stockQuery) (int, error) {
//		return db.Stems(ctx, q.Flower)
//	})
//	florist := &agent.Agent{
//		Name:     "florist",
//		Model:    model,
//		Tools:    tool.Set{stock, price},
//		System:   "You sell flowers.",
//		MaxSteps: 8,
//	}
//	answer, err := florist.Run(ctx, "How many pink roses do you have?")
//	var limit *agent.StepsError
//	if errors.As(err, &limit) {
//		log.Printf("no answer after %d steps", limit.Limit)
//	}
//
// An agent is one run; below it each step is a model call and then the runs of
// the tools that the model asked for.
//
// In LangChain's AgentExecutor, tools that a model asks for together run one
// after the other, an error of a tool ends the agent unless the tool is told
// otherwise, and an agent that reaches its limit answers with a sentence that
// says so. Here they run at the same time, what goes wrong in a tool goes back
// to the model, and the limit is an error.
package agent
