package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jishan/internal/api"
	"jishan/internal/id"
)

// client is somebody who speaks to one server; without a token a stranger. Safe for concurrent use.
type client struct {
	base  string // http://host:port
	token string
}

var web = &http.Client{
	Timeout: 60 * time.Second,
	Transport: &http.Transport{
		DialContext:         (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
		MaxIdleConnsPerHost: 256,
	},
}

// answer is what came back.
type answer struct {
	Status int
	Header http.Header
	Body   []byte
}

func (a answer) String() string {
	b := a.Body
	if len(b) > 600 {
		b = b[:600]
	}
	return fmt.Sprintf("%d %s", a.Status, b)
}

// as is the same server with another log-in.
func (c client) as(token string) client { return client{c.base, token} }

// send makes one request and never fails a test, so that load may call it from any goroutine. key "" sends no Idempotency-Key.
func (c client) send(method, path, key, contentType string, body []byte) (answer, error) {
	req, err := http.NewRequestWithContext(context.Background(), method, c.base+api.Prefix+path, bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	r, err := web.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return answer{}, err
	}
	return answer{r.StatusCode, r.Header, b}, nil
}

// json sends a value, nil for no body.
func (c client) json(method, path, key string, body any) (answer, error) {
	if body == nil {
		return c.send(method, path, key, "", nil)
	}
	b, err := json.Marshal(body)
	if err != nil {
		return answer{}, err
	}
	return c.send(method, path, key, "application/json", b)
}

// file sends a form with one file.
func (c client) file(path, key, name string, data []byte) (answer, error) {
	var buf bytes.Buffer
	w := multipart.NewWriter(&buf)
	p, err := w.CreateFormFile("file", name)
	if err != nil {
		return answer{}, err
	}
	if _, err := p.Write(data); err != nil {
		return answer{}, err
	}
	if err := w.Close(); err != nil {
		return answer{}, err
	}
	return c.send(http.MethodPost, path, key, w.FormDataContentType(), buf.Bytes())
}

func newKey() string { return id.New().String() }

// read decodes a good answer.
func read[T any](t testing.TB, a answer, err error) (out T) {
	t.Helper()
	require.NoError(t, err)
	require.Truef(t, a.Status >= 200 && a.Status < 300, "%s", a)
	if len(a.Body) > 0 {
		require.NoError(t, json.Unmarshal(a.Body, &out), "%s", a)
	}
	return out
}

func get[T any](t testing.TB, c client, path string) T {
	t.Helper()
	a, err := c.json(http.MethodGet, path, "", nil)
	return read[T](t, a, err)
}

// post is a POST with an idempotency key of its own.
func post[T any](t testing.TB, c client, path string, body any) T {
	t.Helper()
	a, err := c.json(http.MethodPost, path, newKey(), body)
	return read[T](t, a, err)
}

func put[T any](t testing.TB, c client, path string, body any) T {
	t.Helper()
	a, err := c.json(http.MethodPut, path, "", body)
	return read[T](t, a, err)
}

func upload[T any](t testing.TB, c client, path string, data []byte) T {
	t.Helper()
	a, err := c.file(path, newKey(), "表.xlsx", data)
	return read[T](t, a, err)
}

type none struct{}

var chinese = regexp.MustCompile(`\p{Han}`)

// refused checks that an answer is a problem of the status, and of the code unless that is "": problem+json, in Chinese, with the
// id to report it by.
func refused(t testing.TB, a answer, err error, status int, code string) api.Problem {
	t.Helper()
	require.NoError(t, err)
	require.Equal(t, status, a.Status, "%s", a)
	require.True(t, strings.HasPrefix(a.Header.Get("Content-Type"), "application/problem+json"), "%s", a.Header)
	var p api.Problem
	require.NoError(t, json.Unmarshal(a.Body, &p), "%s", a)
	require.Equal(t, status, p.Status)
	require.Regexp(t, `^[a-z_.]+$`, p.Code)
	if code != "" {
		require.Equal(t, code, p.Code, "%s", a)
	}
	require.Regexp(t, chinese, p.Title)
	require.Regexp(t, chinese, p.Detail)
	require.NotEmpty(t, p.RequestID)
	return p
}

// login is a client for the account.
func login(t testing.TB, c client, audience, name, password string) client {
	t.Helper()
	out := post[struct {
		AccessToken string `json:"access_token"`
	}](t, c, "/auth/login", map[string]string{"audience": audience, "login": name, "password": password})
	require.NotEmpty(t, out.AccessToken)
	return c.as(out.AccessToken)
}
