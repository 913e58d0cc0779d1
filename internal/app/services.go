package app

import (
	"fmt"

	"jishan/internal/auth"
	"jishan/internal/award"
	"jishan/internal/conf"
	"jishan/internal/db"
	"jishan/internal/notice"
	"jishan/internal/party"
	"jishan/internal/people"
	"jishan/internal/redeem"
	"jishan/internal/rule"
	"jishan/internal/shop"
	"jishan/internal/wechat"
)

// Services are the features on one database.
type Services struct {
	Auth    *auth.Service
	People  *people.Service
	Rules   *rule.Service
	Shops   *shop.Service
	Notices *notice.Service
	Party   *party.Service
	Awards  *award.Service
	Redeem  *redeem.Service
	WeChat  *wechat.Client
}

// NewServices makes them as configured. Close ends their lanes.
func NewServices(c *conf.Config, d *db.DB) (_ *Services, err error) {
	s := &Services{
		Rules: rule.New(d), Shops: shop.New(d), Notices: notice.New(d), WeChat: wechat.New(c.WeChat),
	}
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	previous := plain(c.Auth.PreviousSecrets)
	s.Auth, err = auth.New(d, auth.Options{
		Secret: string(c.Auth.Secret), PreviousSecrets: previous, AccessTTL: c.Auth.AccessTTL, RefreshTTL: c.Auth.RefreshTTL,
		LoginPerAccount: c.Auth.LoginPerAccount, LoginPerAddress: c.Auth.LoginPerAddress, Demo: c.Demo.Enabled && !c.Production(),
	})
	if err != nil {
		return nil, fmt.Errorf("building auth: %w", err)
	}
	// Telephone numbers must stay readable when auth.secret is rotated, so their keys come from the secret that is not.
	if s.People, err = people.NewService(d, []byte(c.Secrets.CardPepper)); err != nil {
		return nil, fmt.Errorf("building people: %w", err)
	}
	s.Party = party.New(d, s.People)
	s.Redeem, err = redeem.New(d, redeem.Options{
		Secret: string(c.Auth.Secret), PreviousSecrets: previous, CardPepper: string(c.Secrets.CardPepper),
		CodeTTL: c.Redeem.CodeTTL, TicketTTL: c.Redeem.TicketTTL, RefundWindow: c.Redeem.RefundWindow,
	})
	if err != nil {
		return nil, fmt.Errorf("building redeem: %w", err)
	}
	s.Awards = award.New(d)
	return s, nil
}

func plain(secrets []conf.Secret) []string {
	out := make([]string, len(secrets))
	for i, s := range secrets {
		out[i] = string(s)
	}
	return out
}

// Close finishes what waits in the lanes.
func (s *Services) Close() {
	if s.People != nil {
		s.People.Close()
	}
	if s.Awards != nil {
		s.Awards.Close()
	}
	if s.Redeem != nil {
		s.Redeem.Close()
	}
	if s.Auth != nil {
		s.Auth.Close()
	}
}
