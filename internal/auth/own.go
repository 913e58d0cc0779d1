package auth

import (
	"context"
	"fmt"
	"slices"
	"time"

	"jishan/internal/audit"
	"jishan/internal/db"
	"jishan/internal/id"
)

// Profile is what somebody who has logged in may know about oneself.
type Profile struct {
	User
	Permissions []Permission // of all roles together, in order; none before the initial password is changed
	Households  []Binding
}

// Me is the actor's own profile.
func (s *Service) Me(ctx context.Context, actor Actor) (out Profile, err error) {
	err = s.db.Read(ctx, func(tx db.Tx) error {
		out = Profile{}
		u, ok, err := userByID(tx, actor.UserID, "")
		if err != nil {
			return err
		}
		if !ok {
			return errNotHere()
		}
		roles, err := rolesOf(tx, []id.ID{u.ID})
		if err != nil {
			return err
		}
		out.User = u.user(roles[u.ID])
		for _, g := range actor.Grants {
			out.Permissions = append(out.Permissions, RolePermissions[g.Role]...)
		}
		slices.Sort(out.Permissions)
		out.Permissions = slices.Compact(out.Permissions)
		out.Households, err = bindingsOf(tx, u.ID)
		return err
	})
	return out, err
}

// ChangePassword replaces the actor's own password and ends the actor's other sessions. Wrong old passwords count like failed
// log-ins: a stolen access token is no way to guess.
func (s *Service) ChangePassword(ctx context.Context, actor Actor, old, password string) error {
	if actor.Kind != KindOfficer && actor.Kind != KindMerchant {
		return ErrKind.New()
	}
	var proved userRow
	err := s.db.Read(ctx, func(tx db.Tx) error {
		var ok bool
		var err error
		if proved, ok, err = userByID(tx, actor.UserID, ""); err == nil && !ok {
			err = errNotHere()
		}
		return err
	})
	if err != nil {
		return err
	}
	if err := checkPassword(password, proved.Login); err != nil {
		return err
	}
	if password == old {
		return ErrPassword.With("新密码不能和原密码一样")
	}
	tried, err := s.reserve(ctx, accountBucket(proved.Kind, proved.Login), actor.Address, ErrThrottled)
	if err != nil {
		return err
	}
	ok, err := s.hasher.matches(ctx, old, proved.PasswordHash)
	if err != nil {
		return err
	}
	if !ok {
		return ErrWrongPassword.New()
	}
	hash, err := s.hasher.hash(ctx, password)
	if err != nil {
		return err
	}
	return s.db.Tx(ctx, func(tx db.Tx) error {
		u, ok, err := userByID(tx, actor.UserID, tx.ForUpdate())
		if err != nil {
			return err
		}
		if !ok || u.PasswordHash != proved.PasswordHash {
			return ErrWrongPassword.New()
		}
		if _, err := exec(tx, "changing a password", "UPDATE users SET password_hash = ?, must_change = 0, updated_at = ? WHERE id = ?", hash, tx.Millis(), u.ID); err != nil {
			return err
		}
		if err := revokeSessions(tx, u.ID, actor.SessionID); err != nil {
			return err
		}
		if err := forgive(tx, tried); err != nil {
			return err
		}
		return audit.Write(tx, actor.Audit("auth.password", target("user", u.ID), 0, "修改自己的密码"))
	})
}

// Session is one device on which somebody is logged in.
type Session struct {
	ID        id.ID
	Device    string
	Address   string
	CreatedAt time.Time
	UsedAt    time.Time // last log-in or refresh
	ExpiresAt time.Time
	Current   bool // the one that asks
}

// Sessions are the actor's own, latest used first.
func (s *Service) Sessions(ctx context.Context, actor Actor) (out []Session, err error) {
	err = s.db.Read(ctx, func(tx db.Tx) error {
		var rows []sessionRow
		const q = "SELECT " + sessionColumns + " FROM sessions WHERE user_id = ? AND revoked_at = 0 AND expires_at > ? ORDER BY used_at DESC, id LIMIT 100"
		if err := tx.Raw(q, actor.UserID, tx.Millis()).Scan(&rows).Error; err != nil {
			return fmt.Errorf("listing sessions: %w", err)
		}
		out = make([]Session, len(rows))
		for i, r := range rows {
			out[i] = Session{ID: r.ID, Device: r.Device, Address: r.Address, CreatedAt: time.UnixMilli(r.CreatedAt).UTC(),
				UsedAt: time.UnixMilli(r.UsedAt).UTC(), ExpiresAt: time.UnixMilli(r.ExpiresAt).UTC(), Current: r.ID == actor.SessionID}
		}
		return nil
	})
	return out, err
}

// RevokeSession ends one of the actor's own sessions; its access token is refused from now on.
func (s *Service) RevokeSession(ctx context.Context, actor Actor, session id.ID) error {
	return s.db.Tx(ctx, func(tx db.Tx) error {
		row, ok, err := sessionByID(tx, session, tx.ForUpdate())
		if err != nil {
			return err
		}
		if !ok || row.UserID != actor.UserID {
			return errNotHere()
		}
		if err := revokeSession(tx, session); err != nil {
			return err
		}
		return audit.Write(tx, actor.Audit("auth.logout", target("session", session), 0, "退出登录"))
	})
}

// Logout ends the session that asks.
func (s *Service) Logout(ctx context.Context, actor Actor) error {
	return s.RevokeSession(ctx, actor, actor.SessionID)
}
