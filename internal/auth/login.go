package auth

import (
	"context"
	"strings"

	"golang.org/x/text/unicode/norm"

	"jishan/internal/audit"
	"jishan/internal/db"
	"jishan/internal/id"
)

// Credentials are what an officer or a merchant's person types. Kind is the audience whose log-in page it was typed into.
type Credentials struct {
	Kind     Kind
	Login    string
	Password string
}

// Login begins a session for an officer or a merchant's person. An unknown account and a wrong password are the same ErrLogin
// after the same work; too many failures for the account or from the address are ErrThrottled with RetryAfter. That an account
// is disabled is said only to who knows its password.
func (s *Service) Login(ctx context.Context, c Credentials, from Origin) (Tokens, error) {
	if c.Kind != KindOfficer && c.Kind != KindMerchant {
		return Tokens{}, ErrKind.New()
	}
	login := foldLogin(c.Login)
	tried, err := s.reserve(ctx, accountBucket(c.Kind, login), from.Address, ErrThrottled)
	if err != nil {
		return Tokens{}, err
	}
	var user userRow
	err = s.db.Read(ctx, func(tx db.Tx) (err error) {
		user = userRow{}
		if checkLogin(login) == nil {
			user, _, err = userByLogin(tx, c.Kind, login, "")
		}
		return err
	})
	if err != nil {
		return Tokens{}, err
	}
	ok, err := s.hasher.matches(ctx, c.Password, user.PasswordHash)
	if err != nil {
		return Tokens{}, err
	}
	if !ok {
		return Tokens{}, ErrLogin.New()
	}
	return s.begin(ctx, user, &tried, from, "登录")
}

// begin starts a session for a user who has proved who he is, if that still holds when the row is locked.
func (s *Service) begin(ctx context.Context, proved userRow, tried *attempt, from Origin, how string) (out Tokens, err error) {
	err = s.db.Tx(ctx, func(tx db.Tx) error {
		user, ok, err := userByID(tx, proved.ID, tx.ForUpdate())
		switch {
		case err != nil:
			return err
		case !ok || user.PasswordHash != proved.PasswordHash: // changed while it was being compared
			return ErrLogin.New()
		case user.DisabledAt != 0:
			return ErrDisabled.New()
		}
		if tried != nil {
			if err := forgive(tx, *tried); err != nil {
				return err
			}
		}
		if out, err = s.startSession(tx, user, from); err != nil {
			return err
		}
		return audit.Write(tx, user.actor(out.Session, from).Audit("auth.login", target("session", out.Session), 0, how))
	})
	if err != nil {
		return Tokens{}, err
	}
	return out, nil
}

// foldLogin is a log-in name as it is stored: full-width characters of Chinese keyboards become plain ones.
func foldLogin(login string) string {
	return strings.ToLower(strings.TrimSpace(norm.NFKC.String(login)))
}

func checkLogin(login string) error {
	if len(login) < 2 || len(login) > 32 {
		return ErrLoginName.New()
	}
	for i, c := range []byte(login) {
		alnum := c >= 'a' && c <= 'z' || c >= '0' && c <= '9'
		if !alnum && (i == 0 || !strings.ContainsRune("._-@", rune(c))) {
			return ErrLoginName.New()
		}
	}
	return nil
}

// DemoPick names whom to be in a demo: a household's villager, or a user by audience and log-in name.
type DemoPick struct {
	Household id.ID
	Kind      Kind
	Login     string
}

// DemoLogin logs in without a password. Outside of a demo it is ErrNotFound.
func (s *Service) DemoLogin(ctx context.Context, pick DemoPick, from Origin) (Tokens, error) {
	if !s.o.Demo {
		return Tokens{}, errNotHere()
	}
	if pick.Household != 0 {
		return s.enterHousehold(ctx, pick.Household, nil, from, "演示登录")
	}
	var user userRow
	err := s.db.Read(ctx, func(tx db.Tx) error {
		var ok bool
		var err error
		if user, ok, err = userByLogin(tx, pick.Kind, foldLogin(pick.Login), ""); err == nil && !ok {
			err = errNotHere()
		}
		return err
	})
	if err != nil {
		return Tokens{}, err
	}
	return s.begin(ctx, user, nil, from, "演示登录")
}
