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
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
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
	if r.Header.Get("Content-Type") != "" && (err != nil || kind != "application/json" && !strings.HasSuffix(kind, "+json")) {
		return nil, ErrMediaType.With("内容须为 JSON（Content-Type: application/json）")
	}
	var buf bytes.Buffer
	if n := r.ContentLength; n > 0 {
		buf.Grow(int(min(n, shortBody)) + bytes.MinRead) // what is only announced takes no memory
	}
	err = s.receive(st, func() error {
		body := http.MaxBytesReader(gc.Writer, r.Body, op.MaxBody)
		if _, err := buf.ReadFrom(io.LimitReader(body, shortBody)); err != nil || buf.Len() < shortBody {
			return err
		}
		if err := s.long(st); err != nil {
			return err
		}
		_, err := buf.ReadFrom(body)
		return err
	})
	if err != nil {
		return nil, bodyError(err, op.MaxBody)
	}
	if !utf8.Valid(buf.Bytes()) {
		return nil, ErrEncoding.New()
	}
	r.Header.Set("Content-Type", "application/json")
	r.Body = io.NopCloser(bytes.NewReader(buf.Bytes()))
	return [][]byte{buf.Bytes()}, nil
}

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
