package auth

import (
	"context"
	"fmt"
	"slices"

	"jishan/internal/audit"
	"jishan/internal/db"
	"jishan/internal/id"
)

// EnsureAdmin makes sure that a system administrator can log in with this name and password: it makes the account, or sets the
// password of the one there is, enables it, gives it the role and ends its sessions. For the command line only; created says
// which of the two it was.
func (s *Service) EnsureAdmin(ctx context.Context, login, password string) (created bool, err error) {
	login = foldLogin(login)
	if err := checkLogin(login); err != nil {
		return false, err
	}
	if err := checkPassword(password, login); err != nil {
		return false, err
	}
	hash, err := s.hasher.hash(ctx, password)
	if err != nil {
		return false, err
	}
	fresh := id.New()
	err = s.db.Tx(ctx, func(tx db.Tx) error {
		u, ok, err := userByLogin(tx, KindOfficer, login, tx.ForUpdate())
		if err != nil {
			return err
		}
		created = !ok
		summary := "命令行重设系统管理员"
		if created {
			summary = "命令行新建系统管理员"
			u = userRow{ID: fresh, Kind: KindOfficer, Login: login, Name: RoleNames[RoleAdmin], PasswordHash: hash}
			if err := insertUser(tx, u); db.Duplicate(err) {
				return fmt.Errorf("two at once: %w", db.ErrRetry)
			} else if err != nil {
				return err
			}
		} else {
			if _, err := exec(tx, "resetting an administrator", "UPDATE users SET password_hash = ?, must_change = 0, disabled_at = 0, updated_at = ? WHERE id = ?",
				hash, tx.Millis(), u.ID); err != nil {
				return err
			}
			if err := revokeSessions(tx, u.ID, 0); err != nil {
				return err
			}
			if err := forgetFailures(tx, KindOfficer, login); err != nil {
				return err
			}
		}
		rows, err := rolesOf(tx, []id.ID{u.ID})
		if err != nil {
			return err
		}
		var roles []Assignment
		for _, r := range rows[u.ID] {
			roles = append(roles, r.assignment())
		}
		if admin := (Assignment{Role: RoleAdmin}); !slices.Contains(roles, admin) {
			if err := replaceRoles(tx, u.ID, append(roles, admin)); err != nil {
				return err
			}
		}
		return audit.Write(tx, System("admin").Audit("user.admin", target("user", u.ID), 0, summary))
	})
	return created, err
}
