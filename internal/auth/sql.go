package auth

import (
	"fmt"
	"slices"
	"strings"

	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/stamp"
)

type userRow struct {
	ID           id.ID  `gorm:"column:id"`
	Kind         Kind   `gorm:"column:kind"`
	Login        string `gorm:"column:login"`
	Name         string `gorm:"column:name"`
	PasswordHash string `gorm:"column:password_hash"`
	MustChange   bool   `gorm:"column:must_change"`
	DisabledAt   int64  `gorm:"column:disabled_at"`
	CreatedAt    int64  `gorm:"column:created_at"`
}

const userColumns = "id, kind, login, name, password_hash, must_change, disabled_at, created_at"

// actor is the user as author of audit entries; it has no grants.
func (u userRow) actor(session id.ID, from Origin) Actor {
	return Actor{UserID: u.ID, SessionID: session, Kind: u.Kind, Name: u.Name, Address: from.Address, RequestID: from.RequestID}
}

type roleRow struct {
	UserID     id.ID `gorm:"column:user_id"`
	Role       Role  `gorm:"column:role"`
	RegionID   id.ID `gorm:"column:region_id"`
	MerchantID id.ID `gorm:"column:merchant_id"`
	BranchID   id.ID `gorm:"column:branch_id"`
	Stands     id.ID `gorm:"column:stands"` // where the merchant stands; 0 where there is no merchant
}

type sessionRow struct {
	ID          id.ID  `gorm:"column:id"`
	UserID      id.ID  `gorm:"column:user_id"`
	RefreshHash []byte `gorm:"column:refresh_hash"`
	Generation  int    `gorm:"column:generation"`
	Device      string `gorm:"column:device"`
	Address     string `gorm:"column:address"`
	CreatedAt   int64  `gorm:"column:created_at"`
	UsedAt      int64  `gorm:"column:used_at"`
	ExpiresAt   int64  `gorm:"column:expires_at"`
	RevokedAt   int64  `gorm:"column:revoked_at"`
}

const sessionColumns = "id, user_id, refresh_hash, generation, device, address, created_at, used_at, expires_at, revoked_at"

// one reads the first row of a query; lock is "" or tx.ForUpdate().
func one[R any](tx db.Tx, what, query, lock string, args ...any) (row R, ok bool, err error) {
	var rows []R
	if err := tx.Raw(query+lock, args...).Scan(&rows).Error; err != nil {
		return row, false, fmt.Errorf("reading %s: %w", what, err)
	}
	if len(rows) == 0 {
		return row, false, nil
	}
	return rows[0], true, nil
}

func exec(tx db.Tx, what, query string, args ...any) (int64, error) {
	res := tx.Exec(query, args...)
	if res.Error != nil {
		return 0, fmt.Errorf("%s: %w", what, res.Error)
	}
	return res.RowsAffected, nil
}

func userByID(tx db.Tx, user id.ID, lock string) (userRow, bool, error) {
	return one[userRow](tx, "a user", "SELECT "+userColumns+" FROM users WHERE id = ?", lock, user)
}

func userByLogin(tx db.Tx, kind Kind, login, lock string) (userRow, bool, error) {
	return one[userRow](tx, "a user", "SELECT "+userColumns+" FROM users WHERE kind = ? AND login = ?", lock, kind, login)
}

func insertUser(tx db.Tx, u userRow) error {
	cols := []string{"id", "kind", "login", "name", "password_hash", "must_change", "disabled_at", "created_at", "updated_at"}
	return db.Insert(tx, "users", cols, 1, func(_ int, args []any) []any {
		return append(args, u.ID, u.Kind, u.Login, u.Name, u.PasswordHash, tinyint(u.MustChange), 0, tx.Millis(), tx.Millis())
	})
}

func sessionByID(tx db.Tx, session id.ID, lock string) (sessionRow, bool, error) {
	return one[sessionRow](tx, "a session", "SELECT "+sessionColumns+" FROM sessions WHERE id = ?", lock, session)
}

func insertSession(tx db.Tx, r sessionRow) error {
	return db.Insert(tx, "sessions", strings.Split(sessionColumns, ", "), 1, func(_ int, args []any) []any {
		return append(args, r.ID, r.UserID, r.RefreshHash, r.Generation, r.Device, r.Address, r.CreatedAt, r.UsedAt, r.ExpiresAt, 0)
	})
}

func rotateSession(tx db.Tx, session id.ID, next refreshToken, expires int64) error {
	hash := next.hash()
	_, err := exec(tx, "rotating a session", "UPDATE sessions SET refresh_hash = ?, generation = ?, used_at = ?, expires_at = ? WHERE id = ?",
		hash[:], int64(next.generation), tx.Millis(), expires, session)
	return err // nobody loses anything: who finds a session that was kept to be over reads it again
}

func revokeSession(tx db.Tx, session id.ID) error {
	_, err := exec(tx, "revoking a session", "UPDATE sessions SET revoked_at = ? WHERE id = ? AND revoked_at = 0", tx.Millis(), session)
	if err != nil {
		return err
	}
	return stamp.Count(tx, stamp.Access)
}

// revokeSessions ends every session of the user but one (0: every one).
func revokeSessions(tx db.Tx, user, keep id.ID) error {
	_, err := exec(tx, "revoking sessions", "UPDATE sessions SET revoked_at = ? WHERE user_id = ? AND id <> ? AND revoked_at = 0", tx.Millis(), user, keep)
	if err != nil {
		return err
	}
	return stamp.Count(tx, stamp.Access)
}

// rolesOf reads the roles of users, in a fixed order.
func rolesOf(tx db.Tx, users []id.ID) (map[id.ID][]roleRow, error) {
	out := make(map[id.ID][]roleRow, len(users))
	for part := range slices.Chunk(users, 1000) {
		var rows []roleRow
		const q = "SELECT r.user_id, r.role, r.region_id, r.merchant_id, r.branch_id, COALESCE(m.region_id, 0) AS stands " +
			"FROM user_roles r LEFT JOIN merchants m ON m.id = r.merchant_id WHERE r.user_id IN ? ORDER BY r.user_id, r.role, r.region_id, r.merchant_id, r.branch_id"
		if err := tx.Raw(q, part).Scan(&rows).Error; err != nil {
			return nil, fmt.Errorf("reading roles: %w", err)
		}
		for _, r := range rows {
			out[r.UserID] = append(out[r.UserID], r)
		}
	}
	return out, nil
}

// replaceRoles makes these the roles of the user.
func replaceRoles(tx db.Tx, user id.ID, roles []Assignment) error {
	if _, err := exec(tx, "removing roles", "DELETE FROM user_roles WHERE user_id = ?", user); err != nil {
		return err
	}
	if err := stamp.Count(tx, stamp.Access); err != nil {
		return err
	}
	cols := []string{"user_id", "role", "region_id", "merchant_id", "branch_id", "created_at"}
	return db.Insert(tx, "user_roles", cols, len(roles), func(i int, args []any) []any {
		r := roles[i]
		return append(args, user, r.Role, r.Region, r.Merchant, r.Branch, tx.Millis())
	})
}

// clipText makes a text that clients send fit for a column of n characters.
func clipText(s string, n int) string {
	r := []rune(strings.ToValidUTF8(s, "?"))
	return string(r[:min(len(r), n)])
}

// clip does the same for a column of printable ASCII.
func clip(s string, n int) string {
	s = strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7e {
			return '?'
		}
		return r
	}, s)
	return s[:min(len(s), n)]
}

func tinyint(b bool) int {
	if b {
		return 1
	}
	return 0
}
