// Package wechattest is a server that answers as WeChat does, for tests.
//
//	w := wechattest.New(t)
//	w.Login("code-1", "openid-1")
//	c := wechat.New(w.Config())
//
// Invariants: codes are good once; an access token is needed where WeChat needs
// one; nothing leaves the machine.
package wechattest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"jishan/internal/conf"
)

// Paths of the five calls, for Fail and Calls.
const (
	PathSession = "/sns/jscode2session"
	PathToken   = "/cgi-bin/stable_token"
	PathPhone   = "/wxa/business/getuserphonenumber"
	PathSend    = "/cgi-bin/message/subscribe/send"
	PathCode    = "/wxa/getwxacodeunlimit"
)

// What the server knows itself by; tests look for them where they must not be.
const (
	AppID      = "wx0123456789abcdef"
	AppSecret  = "fake-app-secret-0123456789abcdef"
	SessionKey = "ZmFrZS1zZXNzaW9uLWtleQ=="
	TokenStart = "fake-access-token-"
)

// Sent is a subscribe message that arrived.
type Sent struct {
	OpenID   string
	Template string
	Page     string
	Data     map[string]string
}

// Server is the fake. It is safe for concurrent use.
type Server struct {
	http *httptest.Server

	mu       sync.Mutex
	logins   map[string]string // code → openid; empty when used
	phones   map[string]string // code → number; empty when used
	declined map[string]bool
	fails    map[string][]int
	calls    map[string]int
	sent     []Sent
	scenes   []string
	token    int
	dead     bool // the current token is no longer taken
}

// New starts a server that stops with the test.
func New(t testing.TB) *Server {
	s := &Server{
		logins: map[string]string{}, phones: map[string]string{}, declined: map[string]bool{},
		fails: map[string][]int{}, calls: map[string]int{}, token: 1,
	}
	s.http = httptest.NewServer(s)
	t.Cleanup(s.http.Close)
	return s
}

// Config points a client here.
func (s *Server) Config() conf.WeChat {
	return conf.WeChat{AppID: AppID, AppSecret: AppSecret, BaseURL: s.http.URL}
}

// Close stops the server before the test ends: WeChat is away.
func (s *Server) Close() { s.http.Close() }

// Login makes a code of wx.login stand for an openid, once.
func (s *Server) Login(code, openID string) { s.set(func() { s.logins[code] = openID }) }

// Phone makes a code of the phone button stand for a number, once.
func (s *Server) Phone(code, number string) { s.set(func() { s.phones[code] = number }) }

// Decline makes an openid refuse messages.
func (s *Server) Decline(openID string) { s.set(func() { s.declined[openID] = true }) }

// Fail makes the next calls of a path answer with these errcodes, one each. A code of 100 to 599 is sent as HTTP status.
func (s *Server) Fail(path string, codes ...int) {
	s.set(func() { s.fails[path] = append(s.fails[path], codes...) })
}

// KillToken makes the current access token stale; unless forced, stable_token gives it out again when stubborn.
func (s *Server) KillToken(stubborn bool) {
	s.set(func() {
		s.dead = true
		if !stubborn {
			s.token, s.dead = s.token+1, false
		}
	})
}

// Calls is how often a path was called.
func (s *Server) Calls(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[path]
}

// Sent are the messages that arrived, in order.
func (s *Server) Sent() []Sent {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.sent)
}

// Scenes are those of the codes that were drawn, in order.
func (s *Server) Scenes() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.scenes)
}

func (s *Server) set(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

type object map[string]any

func problem(code int, format string, args ...any) object {
	return object{"errcode": code, "errmsg": fmt.Sprintf(format, args...)}
}

// ServeHTTP is http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls[r.URL.Path]++
	answer, image := s.answer(w, r)
	switch {
	case image != nil:
		w.Header().Set("Content-Type", "image/png")
		_, _ = w.Write(image)
	case answer != nil:
		_ = json.NewEncoder(w).Encode(answer)
	}
}

func (s *Server) answer(w http.ResponseWriter, r *http.Request) (object, []byte) {
	if left := s.fails[r.URL.Path]; len(left) > 0 {
		s.fails[r.URL.Path] = left[1:]
		if left[0] >= 100 && left[0] < 600 {
			w.WriteHeader(left[0])
			return nil, nil
		}
		// As chatty as can be: a client must not pass this on.
		return problem(left[0], "failed secret=%s token=%s%d", AppSecret, TokenStart, s.token), nil
	}
	var in map[string]any
	if r.Method == http.MethodPost && json.NewDecoder(r.Body).Decode(&in) != nil {
		return problem(47001, "data format error"), nil
	}
	text := func(key string) string { v, _ := in[key].(string); return v }
	switch r.URL.Path {
	case PathSession:
		return s.session(r), nil
	case PathToken:
		if text("appid") != AppID || text("secret") != AppSecret || text("grant_type") != "client_credential" {
			return problem(40125, "invalid appsecret"), nil
		}
		if force, _ := in["force_refresh"].(bool); force {
			s.token, s.dead = s.token+1, false
		}
		return object{"access_token": fmt.Sprint(TokenStart, s.token), "expires_in": 7200}, nil
	}
	if s.dead || r.URL.Query().Get("access_token") != fmt.Sprint(TokenStart, s.token) {
		return problem(40001, "invalid credential, access_token %s is invalid", r.URL.Query().Get("access_token")), nil
	}
	switch r.URL.Path {
	case PathPhone:
		number := s.phones[text("code")]
		if number == "" {
			return problem(40029, "invalid code"), nil
		}
		s.phones[text("code")] = ""
		return object{"errcode": 0, "errmsg": "ok", "phone_info": object{"phoneNumber": "+86" + number, "purePhoneNumber": number, "countryCode": "86"}}, nil
	case PathSend:
		return s.receive(in), nil
	case PathCode:
		s.scenes = append(s.scenes, text("scene"))
		return nil, []byte("\x89PNG\r\n\x1a\n" + text("scene"))
	}
	w.WriteHeader(http.StatusNotFound)
	return nil, nil
}

func (s *Server) session(r *http.Request) object {
	q := r.URL.Query()
	if q.Get("appid") != AppID || q.Get("secret") != AppSecret || q.Get("grant_type") != "authorization_code" {
		return problem(40125, "invalid appsecret")
	}
	openID, known := s.logins[q.Get("js_code")]
	switch {
	case !known:
		return problem(40029, "invalid code")
	case openID == "":
		return problem(40163, "code been used")
	}
	s.logins[q.Get("js_code")] = ""
	return object{"openid": openID, "session_key": SessionKey, "unionid": strings.Replace(openID, "openid", "unionid", 1)}
}

func (s *Server) receive(in map[string]any) object {
	m := Sent{Data: map[string]string{}}
	m.OpenID, _ = in["touser"].(string)
	m.Template, _ = in["template_id"].(string)
	m.Page, _ = in["page"].(string)
	data, _ := in["data"].(map[string]any)
	for k, v := range data {
		o, _ := v.(map[string]any)
		m.Data[k], _ = o["value"].(string)
	}
	switch {
	case m.OpenID == "":
		return problem(40003, "invalid openid")
	case m.Template == "":
		return problem(40037, "invalid template_id")
	case s.declined[m.OpenID]:
		return problem(43101, "user refuse to accept the msg")
	}
	s.sent = append(s.sent, m)
	return problem(0, "ok")
}
