package api

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"sort"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"

	"jishan/internal/auth"
)

// Prefix is where every operation lives.
const Prefix = "/api/v1"

// Audience is a set of the kinds of caller an operation is for.
type Audience uint8

// The audiences. Strangers have not logged in; an operation for them has the permission auth.Public.
const (
	Officers Audience = 1 << iota
	Merchants
	Villagers
	Strangers

	Everyone = Officers | Merchants | Villagers // who has logged in
	Anybody  = Everyone | Strangers
)

// Has reports whether the audience includes log-ins of the kind.
func (a Audience) Has(k auth.Kind) bool {
	switch k {
	case auth.KindOfficer:
		return a&Officers != 0
	case auth.KindMerchant:
		return a&Merchants != 0
	case auth.KindVillager:
		return a&Villagers != 0
	}
	return false
}

// String lists the members, for the OpenAPI document: "officer merchant".
func (a Audience) String() string {
	var names []string
	for bit, name := range map[Audience]string{Officers: "officer", Merchants: "merchant", Villagers: "villager", Strangers: "stranger"} {
		if a&bit != 0 {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	return strings.Join(names, " ")
}

// Op describes one operation. Perm and Audience are obligatory.
type Op struct {
	ID         string // stable, lower case with hyphens; names the client's function
	Method     string // GET, POST, PUT or DELETE
	Path       string // below Prefix, with {names}
	Summary    string // Chinese
	Note       string // Chinese, more about it; may be empty
	Tag        string
	Perm       auth.Permission
	Audience   Audience
	Idempotent bool   // requires Idempotency-Key
	Rechecks   bool   // asks auth.Actor.Stale in its transaction, and is called through rechecked: rights may be remembered
	MaxBody    int64  // bytes; 0 is the configured limit
	Upload     bool   // takes multipart/form-data with one part "file"
	Takes      string // Chinese, what the file of an upload is; empty is a sheet
	Open       bool   // without log-in: bounded by address, and kept by caches for a minute
	HasBody    bool   // set by registration: takes a JSON body
}

var opID = regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)

// check panics on a description that would leave an operation unguarded; it runs while the server is being built.
func (o *Op) check() {
	switch o.Method {
	case http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete:
	default:
		panic(fmt.Sprintf("api: operation %q has the method %q", o.ID, o.Method))
	}
	if !opID.MatchString(o.ID) || !strings.HasPrefix(o.Path, "/") || o.Summary == "" || o.Tag == "" {
		panic(fmt.Sprintf("api: operation %q (%s %s) is not described", o.ID, o.Method, o.Path))
	}
	if o.Perm == "" {
		panic(fmt.Sprintf("api: operation %q declares no permission", o.ID))
	}
	if o.Audience == 0 {
		panic(fmt.Sprintf("api: operation %q declares no audience", o.ID))
	}
	if (o.Perm == auth.Public) != (o.Audience&Strangers != 0) {
		panic(fmt.Sprintf("api: operation %q: strangers may call exactly what is public", o.ID))
	}
	if o.Open && (o.Perm != auth.Public || o.Method != http.MethodGet) {
		panic(fmt.Sprintf("api: operation %q: only what strangers may read is open", o.ID))
	}
	if o.Idempotent && o.Method == http.MethodGet {
		panic(fmt.Sprintf("api: operation %q reads and needs no idempotency key", o.ID))
	}
}

// answer is what huma writes: the status of the operation and a JSON body.
type answer[O any] struct{ Body O }

// file is an answer that is downloaded.
type file struct {
	ContentType string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Body        []byte
}

// register adds an operation that answers with JSON.
func register[I, O any](s *Server, op Op, h func(ctx context.Context, c *Call, in *I) (O, error)) {
	mount(s, op, func(ctx context.Context, c *Call, in *I) (*answer[O], error) {
		out, err := h(ctx, c, in)
		if err != nil {
			return nil, err
		}
		return &answer[O]{out}, nil
	})
}

// registerEmpty adds an operation that answers 204.
func registerEmpty[I any](s *Server, op Op, h func(ctx context.Context, c *Call, in *I) error) {
	mount(s, op, func(ctx context.Context, c *Call, in *I) (*struct{}, error) {
		if err := h(ctx, c, in); err != nil {
			return nil, err
		}
		return &struct{}{}, nil
	})
}

// registerFile adds an operation that answers with a file.
func registerFile[I any](s *Server, op Op, h func(ctx context.Context, c *Call, in *I) (*file, error)) {
	mount(s, op, h)
	ok := s.operation(op).Responses["200"]
	ok.Description = "文件"
	ok.Headers = nil
	ok.Content = map[string]*huma.MediaType{
		"application/octet-stream": {Schema: &huma.Schema{Type: "string", Format: "binary"}},
	}
}

// registerPicture adds an operation that answers with a picture.
func registerPicture[I any](s *Server, op Op, h func(ctx context.Context, c *Call, in *I) (*picture, error)) {
	mount(s, op, h)
	doc := s.operation(op)
	doc.Responses["200"] = &huma.Response{Description: "图片", Content: map[string]*huma.MediaType{
		"image/jpeg": {Schema: &huma.Schema{Type: "string", Format: "binary"}},
	}}
	doc.Responses["304"] = &huma.Response{Description: "没有变"}
}

// mount is the only caller of huma.Register.
func mount[I, W any](s *Server, op Op, h func(ctx context.Context, c *Call, in *I) (*W, error)) {
	op.check()
	if op.MaxBody == 0 {
		op.MaxBody = s.limits.body
		switch {
		case op.Upload:
			op.MaxBody = s.limits.upload
		case op.Perm == auth.Public:
			op.MaxBody = min(s.limits.body, shortBody)
		}
	}
	hop := huma.Operation{
		OperationID: op.ID,
		Method:      op.Method,
		Path:        Prefix + op.Path,
		Summary:     op.Summary,
		Description: op.Note,
		Tags:        []string{op.Tag},
		Middlewares: huma.Middlewares{s.gate(&op)},
		// The gate has read the body, within its limit and before the server's deadline.
		MaxBodyBytes:    -1,
		BodyReadTimeout: -1,
		Extensions: map[string]any{
			"x-permission": string(op.Perm),
			"x-audience":   strings.Fields(op.Audience.String()),
		},
	}
	if op.Perm != auth.Public {
		hop.Security = []map[string][]string{{"bearer": {}}}
	}
	if op.Idempotent {
		hop.Parameters = append(hop.Parameters, &huma.Param{
			Name: headerKey, In: "header", Required: true,
			Description: "操作编号：每次点击生成一个，重试时不变；同一编号只会记账一次",
			Schema:      &huma.Schema{Type: "string", MinLength: ptr(minKey), MaxLength: ptr(maxKey), Pattern: `^[!-~]+$`},
		})
	}
	huma.Register(s.huma, hop, func(ctx context.Context, in *I) (*W, error) {
		st := stateOf(ctx)
		out, err := h(ctx, &st.call, in)
		if err != nil {
			return nil, s.problem(ctx, err)
		}
		return out, nil
	})
	doc := s.operation(op)
	op.HasBody = doc.RequestBody != nil
	if op.Upload {
		takes := op.Takes
		if takes == "" {
			takes = "Excel 文件（.xlsx 或 .csv）"
		}
		// Described only now, so that huma leaves the body to the gate.
		doc.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			"multipart/form-data": {Schema: &huma.Schema{
				Type:       "object",
				Required:   []string{"file"},
				Properties: map[string]*huma.Schema{"file": {Type: "string", Format: "binary", Description: takes}},
			}},
		}}
	}
	s.ops = append(s.ops, op)
}

// operation is the OpenAPI document's entry of a registered operation.
func (s *Server) operation(op Op) *huma.Operation {
	item := s.huma.OpenAPI().Paths[Prefix+op.Path]
	switch op.Method {
	case http.MethodGet:
		return item.Get
	case http.MethodPost:
		return item.Post
	case http.MethodPut:
		return item.Put
	}
	return item.Delete
}

// gate stands before huma: it names the operation for log and metrics, authenticates, checks audience and permission, reads
// the body within its limit and makes the idempotency request.
func (s *Server) gate(op *Op) func(huma.Context, func(huma.Context)) {
	t := &timing{seconds: s.metrics.seconds, operation: op.ID}
	return func(hc huma.Context, next func(huma.Context)) {
		gc := humagin.Unwrap(hc)
		st := stateOf(gc.Request.Context())
		st.operation, st.timing = op.ID, t
		defer func() {
			if st.release != nil {
				st.release()
			}
		}()
		if err := s.admit(gc, st, op); err != nil {
			s.writeProblem(gc, err)
			return
		}
		if !op.Open {
			next(hc)
			return
		}
		s.open(gc, func() { next(hc) }, func(err error) { s.writeProblem(gc, err) })
	}
}

func ptr[T any](v T) *T { return &v }

// attachment is a file under a name; the name may be Chinese.
func attachment(name, contentType string, body []byte) *file {
	return &file{
		ContentType: contentType,
		Disposition: "attachment; filename*=UTF-8''" + percent(name),
		Body:        body,
	}
}

// percent encodes a file name for RFC 8187.
func percent(name string) string {
	var b strings.Builder
	for _, c := range []byte(name) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '.', c == '-', c == '_':
			b.WriteByte(c)
		default:
			b.WriteByte('%')
			b.WriteString(strings.ToUpper(strconv.FormatUint(uint64(c)+256, 16)[1:]))
		}
	}
	return b.String()
}
