package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"jishan/internal/auth"
	"jishan/internal/conf"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/idempotency"
	"jishan/internal/obs"
	"jishan/internal/points"
	"jishan/internal/testkit"
)

// rig is a real server on a real socket, with operations of the test's own in place of the features.
type rig struct {
	*Server
	url string
	log *logBuffer
}

type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

type spendInput struct {
	ID    Key   `path:"id"`
	Since Date  `query:"since"`
	Month Month `query:"month"`
	Body  struct {
		Name  string   `json:"name" minLength:"2" maxLength:"4"`
		Kind  string   `json:"kind,omitempty" enum:"a,b"`
		Total *Points  `json:"total,omitempty"`
		List  []spend1 `json:"list,omitempty" maxItems:"3"`
	}
}

type spend1 struct {
	Household id.ID  `json:"household"`
	Points    Points `json:"points"`
}

type spendOutput struct {
	Name   string        `json:"name"`
	Total  points.Amount `json:"total"`
	Key    string        `json:"key"`
	Input  []byte        `json:"input"`
	Actor  id.ID         `json:"actor"`
	Months Month         `json:"month,omitzero"`
}

type fileOutput struct {
	Name string `json:"name"`
	Size int    `json:"size"`
	Sum  []byte `json:"sum"`
}

var errBroken = errors.New("dial tcp 10.0.0.7: password=hunter2")

func newRig(t *testing.T, change ...func(*conf.Config)) *rig {
	cfg, err := conf.Load("")
	require.NoError(t, err)
	for _, f := range change {
		f(cfg)
	}
	log := &logBuffer{}
	s := newServer(Deps{Config: cfg, DB: testkit.DB(t), Log: slog.New(withRequestID{slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})})})
	s.authenticate = func(_ context.Context, token, _, _ string) (auth.Actor, error) {
		switch token {
		case "officer":
			return auth.Actor{UserID: 7, Kind: auth.KindOfficer, Grants: []auth.Grant{{Role: auth.RoleVillage}}}, nil
		case "supervisor":
			return auth.Actor{UserID: 8, Kind: auth.KindOfficer, Grants: []auth.Grant{{Role: auth.RoleSupervisor}}}, nil
		case "villager":
			return auth.Actor{UserID: 9, Kind: auth.KindVillager, Grants: []auth.Grant{{Role: auth.RoleVillager}}}, nil
		}
		return auth.Actor{}, errs.ErrForbidden.New()
	}
	register(s, Op{ID: "spend", Method: "POST", Path: "/spends/{id}", Summary: "花", Tag: "试", Perm: auth.AwardWrite, Audience: Officers, Idempotent: true},
		func(_ context.Context, c *Call, in *spendInput) (spendOutput, error) {
			out := spendOutput{Name: in.Body.Name, Key: c.Idem.Key, Input: c.Idem.Input[:], Actor: c.Actor.UserID, Months: in.Month}
			if in.Body.Total != nil {
				out.Total = in.Body.Total.Amount()
			}
			for _, l := range in.Body.List {
				out.Total += l.Points.Amount()
			}
			return out, nil
		})
	register(s, Op{ID: "page-of", Method: "GET", Path: "/pages", Summary: "页", Tag: "试", Perm: auth.BoardRead, Audience: Everyone},
		func(_ context.Context, _ *Call, in *struct{ PageQuery }) (Page[int], error) {
			at, err := position[int](in.Cursor)
			if err != nil {
				return Page[int]{}, err
			}
			return Page[int]{Items: []int{at}, Next: cursor(in.Limit)}, nil
		})
	registerEmpty(s, Op{ID: "fail", Method: "DELETE", Path: "/fails/{how}", Summary: "坏", Tag: "试", Perm: auth.Public, Audience: Anybody},
		func(_ context.Context, _ *Call, in *struct {
			How string `path:"how"`
		}) error {
			switch in.How {
			case "plain":
				return errBroken
			case "panic":
				panic("the safe's number is 4711")
			case "refused":
				return idempotency.ErrConflict.New()
			case "fields":
				return errs.ErrInvalid.At(errs.Field{Path: "grants[3].points", Text: "太多"})
			}
			return nil
		})
	register(s, Op{ID: "take-file", Method: "POST", Path: "/files", Summary: "传", Tag: "试", Perm: auth.AwardWrite, Audience: Officers, Idempotent: true, Upload: true},
		func(_ context.Context, c *Call, _ *struct{}) (fileOutput, error) {
			return fileOutput{c.Upload.Name, len(c.Upload.Data), c.Idem.Input[:]}, nil
		})
	registerFile(s, Op{ID: "give-file", Method: "GET", Path: "/files", Summary: "取", Tag: "试", Perm: auth.Public, Audience: Anybody},
		func(context.Context, *Call, *struct{}) (*file, error) {
			return attachment("花名册 1.xlsx", "application/x-test", []byte{1, 0, 255}), nil
		})
	web := httptest.NewServer(s.Handler())
	t.Cleanup(web.Close)
	return &rig{Server: s, url: web.URL, log: log}
}

type reply struct {
	status int
	header http.Header
	body   []byte
}

func (r reply) problem(t *testing.T) Problem {
	t.Helper()
	require.Equal(t, "application/problem+json", r.header.Get("Content-Type"), "%d %s", r.status, r.body)
	var p Problem
	require.NoError(t, json.Unmarshal(r.body, &p))
	require.Equal(t, r.status, p.Status)
	require.NotEmpty(t, p.RequestID)
	require.Equal(t, r.header.Get("X-Request-Id"), p.RequestID)
	require.True(t, chinese(p.Title), p.Title)
	require.True(t, chinese(p.Detail), p.Detail)
	for _, f := range p.Fields {
		require.True(t, chinese(f.Text), "%s: %s", f.Path, f.Text)
	}
	return p
}

func (r *rig) do(t *testing.T, method, path string, body io.Reader, headers ...string) reply {
	t.Helper()
	req, err := http.NewRequest(method, r.url+path, body)
	require.NoError(t, err)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return reply{resp.StatusCode, resp.Header, b}
}

var (
	spendPath = Prefix + "/spends/" + id.ID(12345).String()
	asOfficer = []string{"Authorization", "Bearer officer", "Content-Type", "application/json", "Idempotency-Key", "key-0001"}
)

func (r *rig) spend(t *testing.T, body string) reply {
	t.Helper()
	return r.do(t, "POST", spendPath, strings.NewReader(body), asOfficer...)
}

func form(t *testing.T, name string, data []byte) (io.Reader, string) {
	var buf bytes.Buffer
	w := multipart.NewWriter(&buf)
	p, err := w.CreateFormFile("file", name)
	require.NoError(t, err)
	_, err = p.Write(data)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return &buf, w.FormDataContentType()
}

// withRequestID adds the request's id as the program's own logger does, without removing what must not be in the log.
type withRequestID struct{ slog.Handler }

func (h withRequestID) Handle(ctx context.Context, r slog.Record) error {
	r.AddAttrs(slog.String("request_id", obs.RequestID(ctx)))
	return h.Handler.Handle(ctx, r)
}
