// Package wechat makes the five calls to WeChat's servers that the mini program needs.
//
//	c := wechat.New(cfg.WeChat)
//	s, err := c.Session(ctx, code)       // wx.login → who is it
//	phone, err := c.Phone(ctx, code)     // button open-type="getPhoneNumber"
//	err = c.Send(ctx, wechat.Message{…}) // subscribe message
//	png, err := c.Code(ctx, wechat.CodeRequest{Scene: "h=AB12-C", Page: "pages/house/index"})
//
// It knows no domain types and owns no tables. Invariants: every error is an
// *errs.Error with a Chinese text; the app secret, access tokens and session
// keys are in no error text, no log and no printed value (session keys are not
// even decoded); a call takes at most five seconds; redirects are not followed,
// since addresses contain secrets. Package wechattest has a server to test
// against.
package wechat

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"jishan/internal/conf"
	"jishan/internal/errs"
)

// What can go wrong. The code and text that WeChat sent are in the cause, for the log.
var (
	ErrDisabled = errs.Define(errs.Unavailable, "wechat.disabled", "本系统没有接入微信，请用其他方式登录")
	ErrCode     = errs.Define(errs.Unauthenticated, "wechat.code", "微信授权已失效，请退出小程序后重新进入")
	ErrRisk     = errs.Define(errs.Forbidden, "wechat.risk", "微信认为这个账号有风险，暂不能登录，请联系村干部代办")
	ErrTooOften = errs.Define(errs.TooMany, "wechat.too_often", "操作太频繁，请一分钟后再试")
	ErrBusy     = errs.Define(errs.Unavailable, "wechat.busy", "微信繁忙，请稍后再试")
	ErrSetup    = errs.Define(errs.Unavailable, "wechat.setup", "小程序的设置有误，请联系管理员")
	ErrDeclined = errs.Define(errs.Refused, "wechat.declined", "对方没有订阅这类消息，不能发送")
	ErrReceiver = errs.Define(errs.Invalid, "wechat.receiver", "收不到消息：对方的微信账号不属于本小程序")
	ErrScene    = errs.Define(errs.Invalid, "wechat.scene", "小程序码的内容最长 32 个字符，只能有字母、数字和部分符号")
)

const (
	timeout  = 5 * time.Second
	maxReply = 4 << 20
	// early is how long before its end a token is replaced, so that none ends on the way.
	early = 5 * time.Minute
)

// Client calls WeChat. It is safe for concurrent use.
type Client struct {
	appID  string
	secret string
	base   string
	http   *http.Client
	now    func() time.Time

	fetching chan struct{} // held while a token is fetched: one call serves all that wait
	mu       sync.Mutex
	token    string
	until    time.Time
}

// New makes a client; it does not call anybody. Without an app id every call is ErrDisabled.
func New(c conf.WeChat) *Client { return NewAt(c, time.Now) }

// NewAt is New on another clock.
func NewAt(c conf.WeChat, now func() time.Time) *Client {
	return &Client{
		appID: c.AppID, secret: string(c.AppSecret), base: strings.TrimRight(c.BaseURL, "/"), now: now,
		fetching: make(chan struct{}, 1),
		http: &http.Client{
			Timeout:       timeout,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// Enabled reports whether a mini program is configured.
func (c *Client) Enabled() bool { return c.appID != "" }

// String keeps the secret and the token from being printed.
func (c *Client) String() string { return "wechat.Client(" + c.appID + ")" }

// GoString does so for %#v.
func (c *Client) GoString() string { return c.String() }

// Session is who entered the mini program. The session key is not kept: nothing here needs it.
type Session struct {
	OpenID  string `json:"openid"`
	UnionID string `json:"unionid"` // empty unless the mini program is bound to an open platform account
}

// Session exchanges the code of wx.login, which is good once and for five minutes.
func (c *Client) Session(ctx context.Context, code string) (Session, error) {
	var out Session
	q := url.Values{"appid": {c.appID}, "secret": {c.secret}, "js_code": {code}, "grant_type": {"authorization_code"}}
	if err := c.call(ctx, http.MethodGet, "/sns/jscode2session", q, nil, &out); err != nil {
		return Session{}, err
	}
	if out.OpenID == "" {
		return Session{}, ErrBusy.Wrap(errors.New("code2session: no openid in the answer"))
	}
	return out, nil
}

// Phone exchanges the code of the phone number button for the number without country code.
func (c *Client) Phone(ctx context.Context, code string) (string, error) {
	var out struct {
		Info struct {
			Number string `json:"purePhoneNumber"`
		} `json:"phone_info"`
	}
	err := c.withToken(ctx, http.MethodPost, "/wxa/business/getuserphonenumber", map[string]string{"code": code}, &out)
	if err != nil {
		return "", err
	}
	if out.Info.Number == "" {
		return "", ErrBusy.Wrap(errors.New("getuserphonenumber: no number in the answer"))
	}
	return out.Info.Number, nil
}

// Message is one subscribe message.
type Message struct {
	OpenID   string
	Template string
	Page     string            // opened by a tap; may be empty
	Data     map[string]string // by the template's keys: thing1, amount2
}

// Send sends a message to somebody who has subscribed to it; each subscription is good for one message. ErrDeclined is the
// everyday refusal.
func (c *Client) Send(ctx context.Context, m Message) error {
	type value struct {
		Value string `json:"value"`
	}
	data := map[string]value{}
	for k, v := range m.Data {
		data[k] = value{v}
	}
	return c.withToken(ctx, http.MethodPost, "/cgi-bin/message/subscribe/send", map[string]any{
		"touser": m.OpenID, "template_id": m.Template, "page": m.Page, "lang": "zh_CN", "data": data,
	}, &struct{}{})
}

// CodeRequest is a mini program code to be drawn.
type CodeRequest struct {
	Scene string // what the page gets; at most 32 characters
	Page  string // a page of the published mini program, without a leading slash; empty is the front page
	Width int    // pixels, 280 to 1280; 0 is 430
}

// Code draws a mini program code, as PNG or JPEG. There may be any number of them.
func (c *Client) Code(ctx context.Context, r CodeRequest) ([]byte, error) {
	if r.Scene == "" || len(r.Scene) > 32 || strings.Trim(r.Scene, sceneChars) != "" {
		return nil, ErrScene.New()
	}
	if r.Width == 0 {
		r.Width = 430
	}
	in := map[string]any{"scene": r.Scene, "width": r.Width, "check_path": false}
	if r.Page != "" {
		in["page"] = r.Page
	}
	var out []byte
	if err := c.withToken(ctx, http.MethodPost, "/wxa/getwxacodeunlimit", in, &out); err != nil {
		return nil, err
	}
	return out, nil
}

const sceneChars = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ!#$&'()*+,/:;=?@-._~"

// call sends one request. out is filled from the answer's JSON, or is a *[]byte for an image.
func (c *Client) call(ctx context.Context, method, path string, query url.Values, in, out any) error {
	if !c.Enabled() {
		return ErrDisabled.New()
	}
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("calling WeChat %s: %w", path, err)
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path+"?"+query.Encode(), body)
	if err != nil {
		return ErrSetup.Wrap(fmt.Errorf("calling WeChat %s: address is not valid", path))
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := c.http.Do(req)
	if err != nil {
		return ErrBusy.Wrap(fmt.Errorf("calling WeChat %s: %w", path, bare(err)))
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, maxReply+1))
	switch {
	case err != nil:
		return ErrBusy.Wrap(fmt.Errorf("reading WeChat %s: %w", path, bare(err)))
	case len(b) > maxReply:
		return ErrBusy.Wrap(fmt.Errorf("reading WeChat %s: answer is over %d bytes", path, maxReply))
	case res.StatusCode != http.StatusOK:
		return ErrBusy.Wrap(fmt.Errorf("calling WeChat %s: status %d", path, res.StatusCode))
	}
	if image, ok := out.(*[]byte); ok && !bytes.HasPrefix(bytes.TrimSpace(b), []byte("{")) {
		if len(b) == 0 {
			return ErrBusy.Wrap(fmt.Errorf("reading WeChat %s: empty answer", path))
		}
		*image = b
		return nil
	}
	var head reply
	if err := json.Unmarshal(b, &head); err != nil {
		// The decoder's text could quote the answer.
		return ErrBusy.Wrap(fmt.Errorf("reading WeChat %s: answer is not JSON", path))
	}
	if head.Code != 0 {
		head.Message = c.scrub(head.Message, query.Get("access_token"))
		return head.error(path)
	}
	if _, ok := out.(*[]byte); ok {
		return ErrBusy.Wrap(fmt.Errorf("reading WeChat %s: no image in the answer", path))
	}
	if err := json.Unmarshal(b, out); err != nil {
		return ErrBusy.Wrap(fmt.Errorf("reading WeChat %s: answer has another shape", path))
	}
	return nil
}

// scrub takes out of what WeChat said whatever it should not have quoted.
func (c *Client) scrub(message, token string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range []string{c.secret, c.token, token} {
		if s != "" {
			message = strings.ReplaceAll(message, s, "…")
		}
	}
	return message
}

// bare drops the address, which has secrets in it, from an error of net/http.
func bare(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// reply is what every answer in JSON may have.
type reply struct {
	Code    int    `json:"errcode"`
	Message string `json:"errmsg"`
}

// error maps WeChat's numbers.
func (r reply) error(path string) error {
	cause := &apiError{path: path, code: r.Code, message: r.Message}
	switch r.Code {
	case -1, 45009, 50005: // busy, and the day's quota of the whole mini program
		return ErrBusy.Wrap(cause).After(5 * time.Second)
	case 40029, 40163, 41008:
		return ErrCode.Wrap(cause)
	case 40226:
		return ErrRisk.Wrap(cause)
	case 45011:
		return ErrTooOften.Wrap(cause).After(time.Minute)
	case 43101:
		return ErrDeclined.Wrap(cause)
	case 40003:
		return ErrReceiver.Wrap(cause)
	case 40129, 40169:
		return ErrScene.Wrap(cause)
	}
	return ErrSetup.Wrap(cause)
}

// apiError is what WeChat said.
type apiError struct {
	path    string
	code    int
	message string
}

func (e *apiError) Error() string {
	return fmt.Sprintf("WeChat %s answers %d: %s", e.path, e.code, e.message)
}

// staleToken reports whether the access token must be replaced.
func staleToken(err error) bool {
	var e *apiError
	return errors.As(err, &e) && (e.code == 40001 || e.code == 40014 || e.code == 42001)
}
