package wechat

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// withToken calls with an access token; if WeChat no longer takes it, once more with a new one.
func (c *Client) withToken(ctx context.Context, method, path string, in, out any) error {
	token, err := c.accessToken(ctx, "")
	if err != nil {
		return err
	}
	err = c.call(ctx, method, path, url.Values{"access_token": {token}}, in, out)
	if !staleToken(err) {
		return err
	}
	if token, err = c.accessToken(ctx, token); err != nil {
		return err
	}
	return c.call(ctx, method, path, url.Values{"access_token": {token}}, in, out)
}

// accessToken is the stored token, or a new one when there is none, when it ends soon, or when it is the one that was just
// found stale. Any number of processes may do this: stable_token gives all of them the same token.
func (c *Client) accessToken(ctx context.Context, stale string) (string, error) {
	if !c.Enabled() {
		return "", ErrDisabled.New()
	}
	if token, ok := c.stored(stale); ok {
		return token, nil
	}
	select {
	case c.fetching <- struct{}{}:
		defer func() { <-c.fetching }()
	case <-ctx.Done():
		return "", ErrBusy.Wrap(fmt.Errorf("waiting for a WeChat token: %w", ctx.Err()))
	}
	if token, ok := c.stored(stale); ok { // somebody fetched it while we waited
		return token, nil
	}
	token, life, err := c.fetchToken(ctx, false)
	if err == nil && token == stale {
		// WeChat still takes it for good; forcing another is limited to some twenty a day, so only then.
		token, life, err = c.fetchToken(ctx, true)
	}
	if err != nil {
		return "", err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.token, c.until = token, c.now().Add(life-min(early, life/2))
	return token, nil
}

func (c *Client) stored(stale string) (string, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.token, c.token != "" && c.token != stale && c.now().Before(c.until)
}

func (c *Client) fetchToken(ctx context.Context, force bool) (string, time.Duration, error) {
	var out struct {
		Token   string `json:"access_token"`
		Expires int64  `json:"expires_in"` // seconds
	}
	err := c.call(ctx, http.MethodPost, "/cgi-bin/stable_token", nil, map[string]any{
		"grant_type": "client_credential", "appid": c.appID, "secret": c.secret, "force_refresh": force,
	}, &out)
	if err != nil {
		return "", 0, err
	}
	if out.Token == "" || out.Expires <= 0 || out.Expires > 86400 {
		return "", 0, ErrBusy.Wrap(errors.New("stable_token: no token in the answer"))
	}
	return out.Token, time.Duration(out.Expires) * time.Second, nil
}
