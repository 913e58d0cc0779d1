package api

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net"
	"net/http"
	"os"
	"path"
	"strings"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	"jishan/internal/errs"
)

// Errors of a body that cannot be taken.
var (
	ErrMalformed = errs.Define(errs.Invalid, "request.malformed", "请求的格式不对，无法读取")
	ErrEncoding  = errs.Define(errs.Invalid, "request.encoding", "请求的文字编码不对，须为 UTF-8")
	ErrMediaType = errs.Define(errs.Invalid, "request.media_type", "请求的类型不对：内容须为 JSON，文件须用表单上传")
	ErrTooLarge  = errs.Define(errs.TooLarge, "request.too_large", "提交的内容太大，请分几次提交")
	ErrSlow      = errs.Define(errs.Unavailable, "request.slow", "网络太慢，内容没有收全，请重试")
	ErrNoFile    = errs.Define(errs.Invalid, "upload.missing", "没有收到文件，请选择文件后再上传")
)

const jsonType = "application/json"

// Upload is one uploaded file, whole in memory.
type Upload struct {
	Name string // base name as the client gave it; for messages only
	Data []byte
}

// readBody takes the whole body within the operation's limit. JSON is put back for huma; a file goes into the call. The parts
// returned are what the idempotency hash covers: not the raw multipart text, whose boundary differs at every attempt.
func (s *Server) readBody(gc *gin.Context, st *state, op *Op) ([][]byte, error) {
	r := gc.Request
	if !op.HasBody && !op.Upload {
		if r.ContentLength > op.MaxBody {
			return nil, ErrTooLarge.New()
		}
		return nil, nil
	}
	if r.ContentLength > op.MaxBody {
		return nil, tooLarge(op.MaxBody)
	}
	var kind string
	var params map[string]string
	var err error
	given := r.Header.Get("Content-Type")
	if given != jsonType { // what nearly everybody sends needs no parsing
		kind, params, err = mime.ParseMediaType(given)
	}
	if op.Upload {
		if err != nil || kind != "multipart/form-data" || params["boundary"] == "" {
			return nil, ErrMediaType.With("请用表单（multipart/form-data）上传文件")
		}
		err = s.receive(st, func() error {
			// Held to the end of the request: files are whole in memory.
			select {
			case s.uploads <- struct{}{}:
				st.release = func() { <-s.uploads }
			case <-r.Context().Done():
				return errs.ErrUnavailable.Wrap(r.Context().Err())
			}
			limited := http.MaxBytesReader(gc.Writer, r.Body, op.MaxBody)
			var err error
			st.call.Upload, err = readUpload(multipart.NewReader(limited, params["boundary"]))
			return err
		})
		if err != nil {
			return nil, bodyError(err, op.MaxBody)
		}
		return [][]byte{[]byte(st.call.Upload.Name), st.call.Upload.Data}, nil
	}
	if given != "" && given != jsonType && (err != nil || kind != jsonType && !strings.HasSuffix(kind, "+json")) {
		return nil, ErrMediaType.With("内容须为 JSON（Content-Type: application/json）")
	}
	var data []byte
	if n := r.ContentLength; n > 0 && n < shortBody {
		data = make([]byte, n) // within the limit, as was just seen: the connection gives no byte more
		err = s.receive(st, func() error {
			_, err := io.ReadFull(r.Body, data)
			return err
		})
	} else {
		data, err = s.readLong(gc, st, op)
	}
	if err != nil {
		return nil, bodyError(err, op.MaxBody)
	}
	if !utf8.Valid(data) {
		return nil, ErrEncoding.New()
	}
	if given != jsonType {
		r.Header.Set("Content-Type", jsonType)
	}
	st.body.Reset(data)
	r.Body = &st.body
	return [][]byte{data}, nil
}

// readLong takes a JSON body that is long or of unknown length.
func (s *Server) readLong(gc *gin.Context, st *state, op *Op) ([]byte, error) {
	var buf bytes.Buffer
	if n := gc.Request.ContentLength; n > 0 {
		buf.Grow(shortBody + bytes.MinRead) // what is only announced takes no memory
	}
	err := s.receive(st, func() error {
		body := http.MaxBytesReader(gc.Writer, gc.Request.Body, op.MaxBody)
		if _, err := buf.ReadFrom(io.LimitReader(body, shortBody)); err != nil || buf.Len() < shortBody {
			return err
		}
		if err := s.long(st); err != nil {
			return err
		}
		_, err := buf.ReadFrom(body)
		return err
	})
	return buf.Bytes(), err
}

// memory is a body that has been received.
type memory struct{ bytes.Reader }

// Close is part of io.ReadCloser.
func (*memory) Close() error { return nil }

func tooLarge(limit int64) error {
	if limit >= 1<<20 {
		return ErrTooLarge.With("提交的内容太大，最多 %d MB，请分几次提交", limit>>20)
	}
	return ErrTooLarge.With("提交的内容太大，最多 %d KB，请分几次提交", limit>>10)
}

func bodyError(err error, limit int64) error {
	var big *http.MaxBytesError
	var slow net.Error
	var known *errs.Error
	switch {
	case errors.As(err, &known):
		return err
	case errors.As(err, &big):
		return tooLarge(limit)
	case errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &slow) && slow.Timeout():
		return ErrSlow.Wrap(err)
	}
	return ErrMalformed.Wrap(err)
}

// readUpload takes the part named "file" and refuses a form without one; other parts are skipped.
func readUpload(form *multipart.Reader) (*Upload, error) {
	var found *Upload
	for range 16 {
		p, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if p.FormName() != "file" || found != nil {
			continue
		}
		data, err := io.ReadAll(p)
		if err != nil {
			return nil, err
		}
		name := path.Base(strings.ReplaceAll(p.FileName(), `\`, "/"))
		if !utf8.ValidString(name) {
			name = "upload"
		}
		found = &Upload{Name: name, Data: data}
	}
	if found == nil || len(found.Data) == 0 {
		return nil, ErrNoFile.New()
	}
	return found, nil
}
