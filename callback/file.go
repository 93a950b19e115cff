package callback

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/callspan/callspan/llm"
)

// A File is a [Handler] that writes runs to a file, one line for each event,
// under LangChain's names: on_chat_model_start, on_llm_end, on_tool_error, ...;
// what it has no name for is named alike: on_prompt_start, on_memory_end. A line
// has the time, the event, the run's id and its parent's, kind, name, tags, and
// what the event brings: metadata at a start; tokens, cost, duration, error and
// error_type at an end. Costs are in USD, durations in seconds.
//
// Each line is written at once and by one Write, so that lines of several
// goroutines, and of several processes that append to the same file, stay
// whole. What cannot be written is left out, reported once through [slog], and
// kept for [File.Err]; it never reaches the code that is observed. Its methods
// may be called concurrently.
//
// [NewFile] and [NewFileWriter] make Files. One that they did not make writes
// nothing and says so.
type File struct {
	out     *lineWriter
	handler slog.Handler
	o       FileOptions
	unmade  sync.Once // reported that it was not made
}

// FileOptions set what a [File] writes. The zero value is JSON lines without
// what is asked and answered.
type FileOptions struct {
	Format FileFormat

	// Content adds what models are asked and answer, what steps, tools and
	// searches are given and return, and the data of events.
	Content bool

	// Tokens adds a line for every chunk of an answer.
	Tokens bool
}

// A FileFormat is the form of a [File]'s lines.
type FileFormat uint8

// The formats of lines.
const (
	FileJSON FileFormat = iota // a JSON object
	FileText                   // key=value, for people and grep
)

// NewFile returns a File that appends to the file at path, which it creates,
// readable by its owner alone, if it is not there. The directory must be there.
// Close the File when done.
func NewFile(path string, o FileOptions) (*File, error) {
	if path == "" {
		return nil, errors.New("open file handler: the path is empty")
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		if dir := filepath.Dir(path); errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("open file handler: %w (make the directory %s first)", err, dir)
		}
		return nil, fmt.Errorf("open file handler: %w", err)
	}
	h := newFile(f, path, o)
	h.out.closer = f
	h.out.torn = endsTorn(path)
	return h, nil
}

// NewFileWriter returns a File that writes to w, which may be anything that
// takes whole lines: a rotating file, a buffer, the standard error. Close does
// not close w. A nil w is the standard error.
func NewFileWriter(w io.Writer, o FileOptions) *File {
	if isNil(w) {
		w = os.Stderr
	}
	return newFile(w, fmt.Sprintf("%T", w), o)
}

func newFile(w io.Writer, name string, o FileOptions) *File {
	f := &File{out: &lineWriter{w: w, name: name}, o: o}
	options := &slog.HandlerOptions{Level: levelToken, ReplaceAttr: fileAttr}
	if o.Format == FileText {
		f.handler = slog.NewTextHandler(f.out, options)
	} else {
		f.handler = slog.NewJSONHandler(f.out, options)
	}
	return f
}

// fileAttr names what slog puts on every line, and gives durations their unit.
func fileAttr(groups []string, a slog.Attr) slog.Attr {
	if len(groups) > 0 {
		return a
	}
	switch {
	case a.Key == slog.LevelKey:
		return slog.Attr{}
	case a.Key == slog.MessageKey:
		a.Key = "event"
	case a.Value.Kind() == slog.KindDuration:
		return slog.Float64(a.Key+"_s", a.Value.Duration().Round(time.Microsecond).Seconds())
	}
	return a
}

var errFileNotMade = errors.New("file handler: it was not made by callback.NewFile or NewFileWriter, so nothing is written")

// Err returns why lines could not be written, the first reason and how many
// lines are lost; nil if all are written.
func (f *File) Err() error {
	if f == nil || f.out == nil {
		return errFileNotMade
	}
	return f.out.err()
}

// Sync makes the operating system put what is written on the disk, if the writer
// has a method Sync() error, as an [os.File] does. It returns why that failed,
// and what [File.Err] does. What has no disk below it, such as a terminal, has
// nothing to put there.
func (f *File) Sync() error {
	if f == nil || f.out == nil {
		return errFileNotMade
	}
	return f.out.sync()
}

// Close ends the writing and closes the file. Lines that come later are lost.
// It returns why the file could not be closed, and what [File.Err] does. Closing
// again does nothing more.
func (f *File) Close() error {
	if f == nil || f.out == nil {
		return errFileNotMade
	}
	return f.out.close()
}

// Start writes the start of the run.
func (f *File) Start(ctx context.Context, info *Info) (context.Context, Run) {
	if f.out == nil {
		f.unmade.Do(func() { slog.Error("callback: " + errFileNotMade.Error()) })
		return ctx, nil
	}
	start, end, fail := eventNames(info)
	r := fileRun{f, info, end, fail}
	as := f.identity(info)
	if len(info.Metadata) > 0 {
		as = append(as, metadataAttr(info.Metadata))
	}
	if f.o.Content {
		as = appendContent(as, "input", info.Input)
	}
	f.line(info.Started, start, as)
	if info.Kind == KindLLM && f.o.Tokens {
		return ctx, &fileTokenRun{r}
	}
	return ctx, &r
}

func (f *File) identity(i *Info) []slog.Attr {
	as := append(identity(i, 18), slog.String("kind", string(i.Kind)))
	if len(i.Tags) > 0 {
		as = append(as, slog.Any("tags", i.Tags))
	}
	return as
}

func (f *File) line(at time.Time, event string, as []slog.Attr) {
	r := slog.NewRecord(at.UTC(), slog.LevelInfo, event, 0)
	r.AddAttrs(as...)
	f.handler.Handle(context.Background(), r)
}

// eventNames returns LangChain's names of what happens to a run, and names
// of the same form for kinds that LangChain has no events for.
func eventNames(i *Info) (start, end, fail string) {
	kind := string(i.Kind)
	switch i.Kind {
	case KindAgent:
		kind = string(KindChain)
	case KindLLM:
		if i.Endpoint.API != llm.APICompletions {
			return "on_chat_model_start", "on_llm_end", "on_llm_error"
		}
	case "":
		kind = "run"
	}
	return "on_" + kind + "_start", "on_" + kind + "_end", "on_" + kind + "_error"
}

type fileRun struct {
	f         *File
	info      *Info
	end, fail string
}

func (r *fileRun) Event(e Event) {
	name, as := "on_custom_event", r.f.identity(r.info)
	switch e.Kind {
	case EventText, EventRetry, EventAgentAction, EventAgentFinish:
		name = "on_" + string(e.Kind)
	case EventCustom:
	default:
		as = append(as, slog.String("event_kind", string(e.Kind)))
	}
	as = appendHappening(as, e)
	if r.f.o.Content {
		as = appendContent(as, "data", e.Data)
	}
	r.f.line(time.Now(), name, as)
}

func (r *fileRun) End(res *Result) {
	name := r.end
	if res.Err != nil {
		name = r.fail
	}
	as := appendOutcome(r.f.identity(r.info), r.info, res)
	if r.f.o.Content {
		if res.Response != nil {
			as = appendContent(as, "output", res.Response)
		} else {
			as = appendContent(as, "output", res.Output)
		}
	}
	r.f.line(res.Ended, name, as)
}

type fileTokenRun struct{ fileRun }

// Token writes a chunk with content.
func (r *fileTokenRun) Token(c llm.Chunk) {
	if !c.HasContent() {
		return
	}
	as := append(r.f.identity(r.info), slog.Int("choice", c.Choice))
	if r.f.o.Content {
		as = appendChunk(as, &c)
	}
	r.f.line(time.Now(), "on_llm_new_token", as)
}

// endsTorn reports whether the regular file at path ends inside a line, as one
// does whose writer was killed.
func endsTorn(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil || !st.Mode().IsRegular() || st.Size() == 0 {
		return false
	}
	var last [1]byte
	_, err = f.ReadAt(last[:], st.Size()-1)
	return err == nil && last[0] != '\n'
}
