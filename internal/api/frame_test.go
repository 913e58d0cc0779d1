package api

import (
	"encoding/json"
	"io"
	"net/url"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"

	"jishan/internal/conf"
	"jishan/internal/id"
	"jishan/internal/points"
)

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
	require.Contains(t, r.log.String(), "rig_test.go", "the stack is logged")

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

// The hash is kept with what was done and compared with that of the same request sent again, perhaps to a newer program: it never changes.
func TestInputHashStaysTheSame(t *testing.T) {
	u, err := url.Parse("/?since=2026-11-01&month=2026-11")
	require.NoError(t, err)
	require.Equal(t, "3c4031b54165e5129f14669583b9c459d56b2a41488bbd3ca233377668e1057b",
		hex(inputHash(&Op{ID: "spend"}, gin.Params{{Key: "id", Value: "0000000000C1S"}}, u, [][]byte{[]byte(`{"name":"ab"}`)})))
	require.Equal(t, "bd8b6083dd0b043070c43b15de47d96de0b0fa0a85a8e2de64fa82564f43b782",
		hex(inputHash(&Op{ID: "take-file"}, nil, &url.URL{}, [][]byte{[]byte("花名册.xlsx"), []byte("abc")})))
}
