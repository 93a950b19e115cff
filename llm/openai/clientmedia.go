package openai

import (
	"context"
	"errors"
	"io"
	"runtime"

	"github.com/callspan/callspan/callback"
	"github.com/callspan/callspan/llm"
	"github.com/sashabaranov/go-openai"
)

// CreateImage makes images from a prompt.
func (c *Client) CreateImage(ctx context.Context, req openai.ImageRequest) (openai.ImageResponse, error) {
	return whole(c, ctx, func() request { return imageRequest(req.Model, req.Prompt) },
		func(ctx context.Context) (openai.ImageResponse, error) { return c.Client.CreateImage(ctx, req) }, tellImages)
}

// CreateEditImage makes images from an image and a prompt.
func (c *Client) CreateEditImage(ctx context.Context, req openai.ImageEditRequest) (openai.ImageResponse, error) {
	return whole(c, ctx, func() request { return imageRequest(req.Model, req.Prompt) },
		func(ctx context.Context) (openai.ImageResponse, error) { return c.Client.CreateEditImage(ctx, req) }, tellImages)
}

// CreateVariImage makes variations of an image.
func (c *Client) CreateVariImage(ctx context.Context, req openai.ImageVariRequest) (openai.ImageResponse, error) {
	return whole(c, ctx, func() request { return imageRequest(req.Model, "") },
		func(ctx context.Context) (openai.ImageResponse, error) { return c.Client.CreateVariImage(ctx, req) }, tellImages)
}

func imageRequest(model, prompt string) request {
	return request{kind: callback.KindImage, model: model, input: prompt}
}

func tellImages(run *callback.Call, r *openai.ImageResponse) error {
	var where []string
	for i := range r.Data {
		if u := r.Data[i].URL; u != "" {
			where = append(where, u)
		}
	}
	run.Output(where)
	if len(r.Data) == 0 {
		return llm.ErrEmpty
	}
	in := max(r.Usage.InputTokens, 0)
	run.Used(&llm.Usage{
		Input: in, ImageInput: min(max(r.Usage.InputTokensDetails.ImageTokens, 0), in),
		Output: max(r.Usage.OutputTokens, 0), Images: len(r.Data),
	})
	return nil
}

// CreateTranscription writes down what is said in a recording.
func (c *Client) CreateTranscription(ctx context.Context, req openai.AudioRequest) (openai.AudioResponse, error) {
	return whole(c, ctx, func() request { return audioRequest(&req) },
		func(ctx context.Context) (openai.AudioResponse, error) { return c.Client.CreateTranscription(ctx, req) }, tellTranscript)
}

// CreateTranslation writes down in English what is said in a recording.
func (c *Client) CreateTranslation(ctx context.Context, req openai.AudioRequest) (openai.AudioResponse, error) {
	return whole(c, ctx, func() request { return audioRequest(&req) },
		func(ctx context.Context) (openai.AudioResponse, error) { return c.Client.CreateTranslation(ctx, req) }, tellTranscript)
}

func audioRequest(r *openai.AudioRequest) request {
	return request{kind: callback.KindAudio, model: r.Model, input: &llm.Media{Kind: "audio", URL: r.FilePath}}
}

func tellTranscript(run *callback.Call, r *openai.AudioResponse) error {
	run.Output(r.Text)
	return nil // silence has no words
}

// CreateSpeech reads a text aloud. The run ends with the sound.
func (c *Client) CreateSpeech(ctx context.Context, req openai.CreateSpeechRequest) (resp openai.RawResponse, err error) {
	ctx, run, err := c.open(ctx, func() request {
		return request{kind: callback.KindAudio, model: string(req.Model), input: req.Input}
	})
	if err != nil {
		return resp, err
	}
	if run == nil {
		return c.Client.CreateSpeech(ctx, req)
	}
	returned := false
	defer endOther(run, &returned)
	resp, err = c.Client.CreateSpeech(withAttempts(ctx), req)
	returned = true
	if err != nil {
		run.End(sentError(err))
		return resp, run.Err(err)
	}
	sound := &speech{ReadCloser: resp.ReadCloser, run: run}
	sound.drop = runtime.AddCleanup(sound, dropStream, run)
	resp.ReadCloser = sound
	run.Holding()
	return resp, nil
}

// A speech is a sound on its way to the caller.
type speech struct {
	io.ReadCloser
	run  *callback.Call
	drop runtime.Cleanup
}

// Read implements [io.Reader].
func (s *speech) Read(p []byte) (int, error) {
	s.run.Reading()
	n, err := s.ReadCloser.Read(p)
	switch {
	case errors.Is(err, io.EOF):
		s.run.End(nil)
	case err != nil:
		s.run.End(err)
	}
	s.run.Holding()
	if err != nil {
		s.drop.Stop()
	}
	return n, s.run.Err(err)
}

// Close implements [io.Closer].
func (s *speech) Close() error {
	s.run.Stop()
	s.drop.Stop()
	return s.ReadCloser.Close()
}

// Moderations judges a text.
func (c *Client) Moderations(ctx context.Context, req openai.ModerationRequest) (openai.ModerationResponse, error) {
	return whole(c, ctx, func() request {
		return request{kind: callback.KindModeration, model: req.Model, input: req.Input}
	}, func(ctx context.Context) (openai.ModerationResponse, error) { return c.Client.Moderations(ctx, req) }, tellVerdict)
}

func tellVerdict(run *callback.Call, r *openai.ModerationResponse) error {
	flagged := false
	for i := range r.Results {
		flagged = flagged || r.Results[i].Flagged
	}
	run.Output(flagged)
	if len(r.Results) == 0 {
		return llm.ErrEmpty
	}
	return nil
}
