package wechat_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jishan/internal/conf"
	"jishan/internal/errs"
	"jishan/internal/wechat"
	"jishan/internal/wechat/wechattest"
)

func TestSession(t *testing.T) {
	w := wechattest.New(t)
	w.Login("code-1", "openid-1")
	c := wechat.New(w.Config())
	s, err := c.Session(t.Context(), "code-1")
	require.NoError(t, err)
	require.Equal(t, wechat.Session{OpenID: "openid-1", UnionID: "unionid-1"}, s)
	_, err = c.Session(t.Context(), "code-1")
	require.ErrorIs(t, err, wechat.ErrCode, "good once")
	_, err = c.Session(t.Context(), "other&js_code=code-1")
	require.ErrorIs(t, err, wechat.ErrCode)
	require.Zero(t, w.Calls(wechattest.PathToken), "needs no access token")
}

func TestPhoneSendAndCodeShareOneToken(t *testing.T) {
	w := wechattest.New(t)
	w.Phone("p", "13800138000")
	w.Decline("openid-2")
	c := wechat.New(w.Config())
	phone, err := c.Phone(t.Context(), "p")
	require.NoError(t, err)
	require.Equal(t, "13800138000", phone)
	_, err = c.Phone(t.Context(), "p")
	require.ErrorIs(t, err, wechat.ErrCode)

	m := wechat.Message{OpenID: "openid-1", Template: "tpl", Page: "pages/a", Data: map[string]string{"thing1": "积分到账", "number2": "5"}}
	require.NoError(t, c.Send(t.Context(), m))
	require.Equal(t, []wechattest.Sent{{OpenID: "openid-1", Template: "tpl", Page: "pages/a", Data: m.Data}}, w.Sent())
	m.OpenID = "openid-2"
	require.ErrorIs(t, c.Send(t.Context(), m), wechat.ErrDeclined)
	m.OpenID = ""
	require.ErrorIs(t, c.Send(t.Context(), m), wechat.ErrReceiver)
	require.ErrorIs(t, c.Send(t.Context(), wechat.Message{OpenID: "x"}), wechat.ErrSetup)

	img, err := c.Code(t.Context(), wechat.CodeRequest{Scene: "h=AB12-C", Page: "pages/house"})
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(string(img), "\x89PNG"))
	require.Equal(t, []string{"h=AB12-C"}, w.Scenes())
	for _, scene := range []string{"", "积善", "a b", strings.Repeat("x", 33), "50%"} {
		_, err = c.Code(t.Context(), wechat.CodeRequest{Scene: scene})
		require.ErrorIs(t, err, wechat.ErrScene, scene)
	}
	require.Equal(t, 1, w.Calls(wechattest.PathToken))
	require.Equal(t, 1, w.Calls(wechattest.PathCode))
}

func TestTokenIsReplacedBeforeItEnds(t *testing.T) {
	w := wechattest.New(t)
	now := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	c := wechat.NewAt(w.Config(), func() time.Time { return now })
	send := func() { require.NoError(t, c.Send(t.Context(), wechat.Message{OpenID: "o", Template: "t"})) }
	send()
	now = now.Add(7200*time.Second - 5*time.Minute - time.Second)
	send()
	require.Equal(t, 1, w.Calls(wechattest.PathToken))
	now = now.Add(2 * time.Second)
	send()
	require.Equal(t, 2, w.Calls(wechattest.PathToken))
}

func TestStaleTokenIsReplacedOnce(t *testing.T) {
	for _, stubborn := range []bool{false, true} {
		w := wechattest.New(t)
		c := wechat.New(w.Config())
		m := wechat.Message{OpenID: "o", Template: "t"}
		require.NoError(t, c.Send(t.Context(), m))
		w.KillToken(stubborn)
		require.NoError(t, c.Send(t.Context(), m))
		require.Len(t, w.Sent(), 2)
		require.Equal(t, map[bool]int{false: 2, true: 3}[stubborn], w.Calls(wechattest.PathToken), "forced only when nothing else helps")

		w.Fail(wechattest.PathSend, 42001, 42001)
		require.ErrorIs(t, c.Send(t.Context(), m), wechat.ErrSetup, "not tried for ever")
	}
}

func TestManyAtOnceFetchOneToken(t *testing.T) {
	w := wechattest.New(t)
	c := wechat.New(w.Config())
	var wg sync.WaitGroup
	failed := make(chan error, 50)
	for range 50 {
		wg.Go(func() {
			if err := c.Send(context.Background(), wechat.Message{OpenID: "o", Template: "t"}); err != nil {
				failed <- err
			}
		})
	}
	wg.Wait()
	close(failed)
	for err := range failed {
		require.NoError(t, err)
	}
	require.Len(t, w.Sent(), 50)
	require.Equal(t, 1, w.Calls(wechattest.PathToken))
}

func TestErrorCodes(t *testing.T) {
	w := wechattest.New(t)
	c := wechat.New(w.Config())
	for code, want := range map[int]*errs.Code{
		-1: wechat.ErrBusy, 45009: wechat.ErrBusy, 500: wechat.ErrBusy, 302: wechat.ErrBusy, 40029: wechat.ErrCode, 40163: wechat.ErrCode,
		40226: wechat.ErrRisk, 45011: wechat.ErrTooOften, 40125: wechat.ErrSetup, 40013: wechat.ErrSetup, 40164: wechat.ErrSetup, 99999: wechat.ErrSetup,
	} {
		w.Fail(wechattest.PathSession, code)
		_, err := c.Session(t.Context(), "x")
		require.ErrorIs(t, err, want, "%d", code)
		var e *errs.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, want == wechat.ErrTooOften, e.RetryAfter == time.Minute)
	}
	w.Fail(wechattest.PathCode, 45009, 40129)
	_, err := c.Code(t.Context(), wechat.CodeRequest{Scene: "x"})
	require.ErrorIs(t, err, wechat.ErrBusy, "an error in place of an image")
	_, err = c.Code(t.Context(), wechat.CodeRequest{Scene: "x"})
	require.ErrorIs(t, err, wechat.ErrScene)
	w.Fail(wechattest.PathToken, 40125)
	fresh := wechat.New(w.Config())
	_, err = fresh.Phone(t.Context(), "x")
	require.ErrorIs(t, err, wechat.ErrSetup)
}

func TestNoSecretIsEverPrinted(t *testing.T) {
	w := wechattest.New(t)
	w.Login("code-1", "openid-1")
	c := wechat.New(w.Config())
	s, err := c.Session(t.Context(), "code-1")
	require.NoError(t, err)
	require.NoError(t, c.Send(t.Context(), wechat.Message{OpenID: "o", Template: "t"}))
	texts := []string{fmt.Sprintf("%+v %v %#v %s", c, c, c, c), fmt.Sprintf("%+v", s), fmt.Sprintf("%+v", struct{ C *wechat.Client }{c})}
	note := func(err error) {
		require.Error(t, err)
		texts = append(texts, fmt.Sprintf("%v %+v", err, err), errs.From(err).Text())
	}
	for _, code := range []int{-1, 40029, 40125, 500} {
		w.Fail(wechattest.PathSession, code)
		_, err := c.Session(t.Context(), "x")
		note(err)
		w.Fail(wechattest.PathSend, code)
		note(c.Send(t.Context(), wechat.Message{OpenID: "o", Template: "t"}))
	}
	w.Fail(wechattest.PathSend, 40001, 40001)
	note(c.Send(t.Context(), wechat.Message{OpenID: "o", Template: "t"}))
	w.Close()
	_, err = c.Session(t.Context(), "x")
	require.ErrorIs(t, err, wechat.ErrBusy)
	note(err)
	note(c.Send(t.Context(), wechat.Message{OpenID: "o", Template: "t"}))
	bad := w.Config()
	bad.BaseURL = "http://a b\x7f"
	_, err = wechat.New(bad).Session(t.Context(), "x")
	require.ErrorIs(t, err, wechat.ErrSetup)
	note(err)
	for _, text := range texts {
		for _, secret := range []string{wechattest.AppSecret, wechattest.SessionKey, wechattest.TokenStart} {
			require.NotContains(t, text, secret)
		}
	}
}

func TestDisabled(t *testing.T) {
	c := wechat.New(conf.WeChat{BaseURL: "https://api.weixin.qq.com"})
	require.False(t, c.Enabled())
	_, err := c.Session(t.Context(), "x")
	require.ErrorIs(t, err, wechat.ErrDisabled)
	_, err = c.Phone(t.Context(), "x")
	require.ErrorIs(t, err, wechat.ErrDisabled)
}

func TestStrangeAnswers(t *testing.T) {
	for name, body := range map[string]string{
		"html": "<html>session_key=s3cr3t</html>", "empty": "", "array": "[1]", "no openid": `{"session_key":"s3cr3t"}`,
		"number": `{"openid":7,"session_key":"s3cr3t"}`, "huge": `{"openid":"` + strings.Repeat("x", 5<<20) + `"}`,
	} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }))
		c := wechat.New(conf.WeChat{AppID: "a", AppSecret: "b", BaseURL: srv.URL})
		_, err := c.Session(t.Context(), "x")
		require.ErrorIs(t, err, wechat.ErrBusy, name)
		require.NotContains(t, err.Error(), "s3cr3t", name)
		_, err = c.Phone(t.Context(), "x")
		require.ErrorIs(t, err, wechat.ErrBusy, name)
		srv.Close()
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	var reached bool
	thief := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	defer thief.Close()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, thief.URL+"?"+r.URL.RawQuery, http.StatusTemporaryRedirect)
	}))
	defer srv.Close()
	_, err := wechat.New(conf.WeChat{AppID: "a", AppSecret: "b", BaseURL: srv.URL}).Session(t.Context(), "x")
	require.ErrorIs(t, err, wechat.ErrBusy)
	require.False(t, reached)
}

func TestCallerMayGiveUp(t *testing.T) {
	hang := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hang }))
	defer srv.Close()
	defer close(hang)
	c := wechat.New(conf.WeChat{AppID: "a", AppSecret: "b", BaseURL: srv.URL})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	var wg sync.WaitGroup
	for range 3 { // one fetches the token, the others wait for it
		wg.Go(func() {
			_, err := c.Phone(ctx, "x")
			if !errors.Is(err, wechat.ErrBusy) || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
		})
	}
	wg.Wait()
}
