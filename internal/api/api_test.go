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
	s := newServer(Deps{Config: cfg, DB: testkit.DB(t), Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
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

func TestUnknownPathAndMethod(t *testing.T) {
	r := newRig(t)
	for _, path := range []string{"/", "/api/v1/nothing", "/api/v1/pages/", "/wp-login.php"} {
		p := r.do(t, "GET", path, nil).problem(t)
		require.Equal(t, 404, p.Status, path)
		require.Equal(t, "request.no_such_path", p.Code)
	}
	p := r.do(t, "PUT", "/api/v1/pages", nil).problem(t)
	require.Equal(t, 405, p.Status)
	require.Equal(t, "request.no_such_method", p.Code)
}

func TestWhoMayCall(t *testing.T) {
	r := newRig(t)
	for _, c := range []struct {
		header string
		status int
		code   string
	}{
		{"", 401, "auth.required"},
		{"Bearer ", 401, "auth.required"},
		{"Basic officer", 401, "auth.required"},
		{"Bearer supervisor", 403, "auth.forbidden"}, // right audience, no permission
		{"Bearer villager", 403, "auth.forbidden"},
	} {
		// The body is bad too: who asks is decided before anything is read.
		got := r.do(t, "POST", spendPath, strings.NewReader("{"), "Authorization", c.header, "Content-Type", "application/json")
		p := got.problem(t)
		require.Equal(t, c.status, p.Status, c.header)
		require.Equal(t, c.code, p.Code, c.header)
		require.Equal(t, c.status == 401, got.header.Get("WWW-Authenticate") != "")
	}
	require.Equal(t, 200, r.do(t, "GET", Prefix+"/pages", nil, "Authorization", "bearer villager").status)
}

func TestIdempotencyKey(t *testing.T) {
	r := newRig(t)
	for _, key := range []string{"", "short", strings.Repeat("k", 129), "has a space", "中文中文中文"} {
		p := r.do(t, "POST", spendPath, strings.NewReader(`{"name":"ab"}`), "Authorization", "Bearer officer", "Idempotency-Key", key).problem(t)
		require.Equal(t, 400, p.Status, key)
		require.Equal(t, "idempotency.required", p.Code, key)
	}
	input := func(path, body string) string {
		got := r.do(t, "POST", path, strings.NewReader(body), asOfficer...)
		require.Equal(t, 200, got.status, string(got.body))
		var out spendOutput
		require.NoError(t, json.Unmarshal(got.body, &out))
		require.Equal(t, "key-0001", out.Key)
		require.Equal(t, id.ID(7), out.Actor)
		return string(out.Input)
	}
	base := input(spendPath, `{"name":"ab"}`)
	require.Equal(t, base, input(spendPath, `{"name":"ab"}`))
	require.Equal(t, base, input(Prefix+"/spends/"+strings.ToUpper(id.ID(12345).String()), `{"name":"ab"}`), "keys may be written in either case")
	require.NotEqual(t, base, input(spendPath, `{"name":"ac"}`))
	require.NotEqual(t, base, input(Prefix+"/spends/"+id.ID(12346).String(), `{"name":"ab"}`))
	require.NotEqual(t, base, input(spendPath+"?month=2026-11", `{"name":"ab"}`))
	require.Equal(t, input(spendPath+"?month=2026-11&since=2026-11-01", `{"name":"ab"}`), input(spendPath+"?since=2026-11-01&month=2026-11", `{"name":"ab"}`))
}

func TestBadBodies(t *testing.T) {
	r := newRig(t)
	for _, c := range []struct {
		body   string
		status int
		code   string
	}{
		{``, 400, "request.malformed"},
		{`{`, 400, "request.malformed"},
		{`{"name":"ab"} trailing`, 400, "request.malformed"},
		{`hello`, 400, "request.malformed"},
		{"{\"name\":\"a\xff\"}", 400, "request.encoding"},
		{strings.Repeat("[", 20000), 400, "request.malformed"},
		{`null`, 422, "input.invalid"},
		{`[]`, 422, "input.invalid"},
		{`{"name":"` + strings.Repeat("a", 1<<20) + `"}`, 413, "request.too_large"},
	} {
		p := r.spend(t, c.body).problem(t)
		require.Equal(t, c.status, p.Status, "%.40s", c.body)
		require.Equal(t, c.code, p.Code, "%.40s", c.body)
	}
	// Too large without saying so beforehand.
	p := r.do(t, "POST", spendPath, io.MultiReader(strings.NewReader(`{"name":"`), strings.NewReader(strings.Repeat("a", 1<<21))), asOfficer...).problem(t)
	require.Equal(t, 413, p.Status)
	p = r.do(t, "POST", spendPath, strings.NewReader("name=ab"), "Authorization", "Bearer officer", "Idempotency-Key", "key-0001",
		"Content-Type", "application/x-www-form-urlencoded").problem(t)
	require.Equal(t, 415, p.Status)
	for _, path := range []string{"/api/v1/spends/%ff", "/api/v1/pages?cursor=%ff", "/%c3%28"} {
		p := r.do(t, "GET", path, nil, asOfficer...).problem(t)
		require.Equal(t, 400, p.Status, path)
		require.Equal(t, "request.encoding", p.Code, path)
	}
}

func TestValidationSpeaksChinese(t *testing.T) {
	r := newRig(t)
	check := func(got reply, want map[string]string) {
		t.Helper()
		p := got.problem(t)
		require.Equal(t, 422, p.Status, string(got.body))
		require.Equal(t, "input.invalid", p.Code)
		fields := map[string]string{}
		for _, f := range p.Fields {
			fields[f.Path] = f.Text
		}
		require.Equal(t, want, fields)
	}
	check(r.spend(t, `{"kind":"c","list":[],"extra":1}`), map[string]string{"name": "请填写", "kind": "只能是：a, b", "extra": "没有这一项，请去掉"})
	check(r.spend(t, `{"name":"a"}`), map[string]string{"name": "至少 2 个字"})
	check(r.spend(t, `{"name":"中文名字长"}`), map[string]string{"name": "最多 4 个字"})
	check(r.spend(t, `{"name":5,"list":"x"}`), map[string]string{"name": "须为文字", "list": "须为列表"})
	check(r.spend(t, `{"name":"ab","list":[{},{"household":"x","points":"1"}]}`), map[string]string{
		"list[0].household": "请填写", "list[0].points": "请填写", "list[1].household": "须为13 位编号", "list[1].points": "须为数字"})
	check(r.spend(t, `{"name":"ab","list":[{},{},{},{}]}`), map[string]string{"list": "最多 3 条",
		"list[0].household": "请填写", "list[0].points": "请填写", "list[1].household": "请填写", "list[1].points": "请填写",
		"list[2].household": "请填写", "list[2].points": "请填写", "list[3].household": "请填写", "list[3].points": "请填写"})
	check(r.do(t, "POST", Prefix+"/spends/12345?since=2026-02-30&month=13", strings.NewReader(`{"name":"ab"}`), asOfficer...),
		map[string]string{"id": "须为 13 位编号", "since": "须为日期，如 2026-11-23", "month": "须为月份，如 2026-11"})
	check(r.do(t, "GET", Prefix+"/pages?limit=abc", nil, asOfficer...), map[string]string{"limit": "须为整数"})
	check(r.do(t, "GET", Prefix+"/pages?limit=201", nil, asOfficer...), map[string]string{"limit": "不能大于 200"})
	p := r.do(t, "GET", Prefix+"/pages?cursor=%21%21", nil, asOfficer...).problem(t)
	require.Equal(t, "page.cursor", p.Code)
	require.Equal(t, 422, p.Status)
	// A key of the right shape that is none.
	p = r.spend(t, `{"name":"ab","list":[{"household":"0000000000000","points":1}]}`).problem(t)
	require.Equal(t, 422, p.Status)
}

func TestAmountsAreExact(t *testing.T) {
	r := newRig(t)
	h := id.ID(99).String()
	for in, want := range map[string]string{
		"0.1": "0.1", "0.10": "0.1", "-0.5": "-0.5", "9999999.99": "9999999.99", "10000000": "10000000", "0": "0", "12.34": "12.34", "5e0x": "",
		"0.005": "最多两位小数", "1e3": "须写成普通数字，如 12.5", "10000000.01": "数字太大", "99999999999999999999": "数字太大", "-1E-2": "须写成普通数字，如 12.5",
	} {
		got := r.spend(t, `{"name":"ab","list":[{"household":"`+h+`","points":0.2},{"household":"`+h+`","points":`+in+`}]}`)
		if want == "" {
			require.Equal(t, 400, got.problem(t).Status, in)
			continue
		}
		if chinese(want) {
			p := got.problem(t)
			require.Equal(t, 422, p.Status)
			require.Equal(t, []ProblemField{{"list[1].points", want}}, p.Fields, in)
			continue
		}
		a, err := points.Parse(want)
		require.NoError(t, err)
		require.Equal(t, 200, got.status, string(got.body))
		require.Contains(t, string(got.body), `"total":`+(a+20).String()+`,`, in)
	}
	// 0.1 + 0.2 three hundred thousand times would drift as floats; here a single sum shows the digits are kept.
	got := r.spend(t, `{"name":"ab","total":0.1,"list":[{"household":"`+h+`","points":0.2}]}`)
	require.Contains(t, string(got.body), `"total":0.3,`)
	require.Equal(t, []ProblemField{{"total", "最多两位小数"}}, r.spend(t, `{"name":"ab","total":1.999}`).problem(t).Fields)
	require.Equal(t, 200, r.spend(t, `{"name":"ab","total":null}`).status)
}

func TestWhatWentWrongInsideStaysInside(t *testing.T) {
	r := newRig(t)
	for _, how := range []string{"plain", "panic"} {
		got := r.do(t, "DELETE", Prefix+"/fails/"+how, nil, "X-Request-Id", "trace-me-"+how)
		p := got.problem(t)
		require.Equal(t, 500, p.Status)
		require.Equal(t, "internal", p.Code)
		require.Equal(t, "trace-me-"+how, p.RequestID)
		require.NotContains(t, string(got.body), "hunter2")
		require.NotContains(t, string(got.body), "4711")
		require.Contains(t, r.log.String(), "trace-me-"+how)
	}
	require.Contains(t, r.log.String(), "hunter2")
	require.Contains(t, r.log.String(), "4711")
	require.Contains(t, r.log.String(), "api_test.go", "the stack is logged")

	p := r.do(t, "DELETE", Prefix+"/fails/refused", nil).problem(t)
	require.Equal(t, 409, p.Status)
	require.Equal(t, "idempotency.conflict", p.Code)
	p = r.do(t, "DELETE", Prefix+"/fails/fields", nil).problem(t)
	require.Equal(t, []ProblemField{{"grants[3].points", "太多"}}, p.Fields)
	require.Equal(t, 204, r.do(t, "DELETE", Prefix+"/fails/not", nil).status)
}

func TestFiles(t *testing.T) {
	r := newRig(t, func(c *conf.Config) { c.HTTP.UploadLimit = 1 << 20 })
	send := func(name string, data []byte) reply {
		body, kind := form(t, name, data)
		return r.do(t, "POST", Prefix+"/files", body, "Authorization", "Bearer officer", "Idempotency-Key", "key-0001", "Content-Type", kind)
	}
	first := send(`C:\村\花名册.xlsx`, []byte("abc"))
	require.Equal(t, 200, first.status, string(first.body))
	var out fileOutput
	require.NoError(t, json.Unmarshal(first.body, &out))
	require.Equal(t, "花名册.xlsx", out.Name)
	require.Equal(t, 3, out.Size)
	require.Equal(t, first.body, send(`C:\村\花名册.xlsx`, []byte("abc")).body, "another boundary is the same request")
	require.NotEqual(t, first.body, send(`C:\村\花名册.xlsx`, []byte("abd")).body)
	require.Equal(t, 413, send("big.xlsx", make([]byte, 1<<20)).problem(t).Status)
	require.Equal(t, "upload.missing", send("empty.xlsx", nil).problem(t).Code)
	p := r.do(t, "POST", Prefix+"/files", strings.NewReader("{}"), asOfficer...).problem(t)
	require.Equal(t, 415, p.Status)
	p = r.do(t, "POST", Prefix+"/files", strings.NewReader("--x\r\nbroken"), "Authorization", "Bearer officer", "Idempotency-Key", "key-0001",
		"Content-Type", "multipart/form-data; boundary=x").problem(t)
	require.Equal(t, 400, p.Status)

	got := r.do(t, "GET", Prefix+"/files", nil)
	require.Equal(t, 200, got.status)
	require.Equal(t, []byte{1, 0, 255}, got.body)
	require.Equal(t, "application/x-test", got.header.Get("Content-Type"))
	require.Equal(t, "attachment; filename*=UTF-8''%E8%8A%B1%E5%90%8D%E5%86%8C%201.xlsx", got.header.Get("Content-Disposition"))
}

func TestPaging(t *testing.T) {
	r := newRig(t)
	got := r.do(t, "GET", Prefix+"/pages?limit=7", nil, asOfficer...)
	var page Page[int]
	require.NoError(t, json.Unmarshal(got.body, &page))
	require.NotEmpty(t, page.Next)
	got = r.do(t, "GET", Prefix+"/pages?cursor="+page.Next, nil, asOfficer...)
	require.NoError(t, json.Unmarshal(got.body, &page))
	require.Equal(t, []int{7}, page.Items)
}

func TestProbesAndPages(t *testing.T) {
	r := newRig(t)
	require.Equal(t, 200, r.do(t, "GET", "/healthz", nil).status)
	ready := r.do(t, "GET", "/readyz", nil)
	require.Equal(t, 200, ready.status, string(ready.body))
	r.do(t, "DELETE", Prefix+"/fails/refused", nil)
	metrics := string(r.do(t, "GET", "/metrics", nil).body)
	require.Contains(t, metrics, `jishan_http_request_seconds_count{operation="fail",status="409"} 1`)
	for _, path := range []string{"/docs", "/docs/docs.js", "/docs/docs.css", "/docs/errors", "/openapi.json"} {
		got := r.do(t, "GET", path, nil)
		require.Equal(t, 200, got.status, path)
		require.NotContains(t, string(got.body), "http://")
		require.NotContains(t, string(got.body), "https://")
		require.Equal(t, "nosniff", got.header.Get("X-Content-Type-Options"))
		require.Contains(t, got.header.Get("Content-Security-Policy"), "default-src 'none'")
	}
	require.Contains(t, string(r.do(t, "GET", "/docs/errors", nil).body), "idempotency.required")
	off := newRig(t, func(c *conf.Config) { c.Metrics.Enabled = false })
	require.Equal(t, 404, off.do(t, "GET", "/metrics", nil).status)

	require.NoError(t, r.deps.DB.Close())
	require.Equal(t, 503, r.do(t, "GET", "/readyz", nil).status)
	require.Equal(t, 200, r.do(t, "GET", "/healthz", nil).status)
}

func TestCrowdIsTurnedAway(t *testing.T) {
	r := newRig(t)
	for range cap(r.inside) {
		r.inside <- struct{}{}
	}
	got := r.do(t, "DELETE", Prefix+"/fails/not", nil)
	p := got.problem(t)
	require.Equal(t, 503, p.Status)
	require.Equal(t, "server.busy", p.Code)
	require.Equal(t, "1", got.header.Get("Retry-After"))
	require.Equal(t, 200, r.do(t, "GET", "/healthz", nil).status, "health checks are not part of the crowd")
	<-r.inside
	require.Equal(t, 204, r.do(t, "DELETE", Prefix+"/fails/not", nil).status)
}

func TestAddressOnlyFromTrustedProxies(t *testing.T) {
	r := newRig(t)
	r.do(t, "DELETE", Prefix+"/fails/not", nil, "X-Forwarded-For", "203.0.113.9")
	require.NotContains(t, r.log.String(), "203.0.113.9")
	r = newRig(t, func(c *conf.Config) { c.HTTP.TrustedProxies = []string{"127.0.0.1"} })
	r.do(t, "DELETE", Prefix+"/fails/not", nil, "X-Forwarded-For", "203.0.113.9")
	require.Contains(t, r.log.String(), "203.0.113.9")
}

func TestLogHasNeitherQueryNorToken(t *testing.T) {
	r := newRig(t)
	r.do(t, "POST", spendPath+"?phone=13800138000", strings.NewReader(`{"name":"13900139000"}`), asOfficer...)
	r.do(t, "GET", "/13700137000?phone=13800138000", nil)
	log := r.log.String()
	require.Contains(t, log, "operation=spend")
	for _, secret := range []string{"13800138000", "13900139000", "13700137000", "Bearer", "key-0001"} {
		require.NotContains(t, log, secret)
	}
}

func TestUndescribedOperationPanics(t *testing.T) {
	good := Op{ID: "ok", Method: "GET", Path: "/ok", Summary: "好", Tag: "试", Perm: auth.Self, Audience: Everyone}
	good.check()
	for name, change := range map[string]func(*Op){
		"permission": func(o *Op) { o.Perm = "" },
		"audience":   func(o *Op) { o.Audience = 0 },
		"strangers":  func(o *Op) { o.Audience = Anybody },
		"public":     func(o *Op) { o.Perm = auth.Public },
		"method":     func(o *Op) { o.Method = "PATCH" },
		"id":         func(o *Op) { o.ID = "Not Good" },
		"summary":    func(o *Op) { o.Summary = "" },
		"key":        func(o *Op) { o.Idempotent = true },
	} {
		o := good
		change(&o)
		require.Panics(t, o.check, name)
	}
}
