package auth

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"jishan/internal/audit"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/stamp"
)

// User is somebody who can log in.
type User struct {
	ID         id.ID
	Kind       Kind
	Login      string
	Name       string
	MustChange bool // has not changed the initial password yet
	Disabled   bool
	CreatedAt  time.Time
	Roles      []Assignment
}

func (u userRow) user(roles []roleRow) User {
	out := User{ID: u.ID, Kind: u.Kind, Login: u.Login, Name: u.Name, MustChange: u.MustChange, Disabled: u.DisabledAt != 0,
		CreatedAt: time.UnixMilli(u.CreatedAt).UTC()}
	for _, r := range roles {
		out.Roles = append(out.Roles, r.assignment())
	}
	return out
}

// NewUser describes an account to make. Without a Password one is made up.
type NewUser struct {
	Kind     Kind // KindOfficer or KindMerchant
	Login    string
	Name     string
	Password string
	Roles    []Assignment
}

// CreateUser makes an account with roles that the actor may give. It returns the initial password, which the user has to change
// at the first log-in; accounts made by the system (a demo, the command line) keep theirs.
func (s *Service) CreateUser(ctx context.Context, actor Actor, n NewUser) (User, string, error) {
	if err := mayWriteUsers(actor); err != nil {
		return User{}, "", err
	}
	n.Login = foldLogin(n.Login)
	if err := checkLogin(n.Login); err != nil {
		return User{}, "", err
	}
	name, err := cleanName(n.Name)
	if err != nil {
		return User{}, "", err
	}
	if n.Kind != KindOfficer && n.Kind != KindMerchant {
		return User{}, "", ErrKind.New()
	}
	password, hash, err := s.newPassword(ctx, n.Password, n.Login)
	if err != nil {
		return User{}, "", err
	}
	u := userRow{ID: id.New(), Kind: n.Kind, Login: n.Login, Name: name, PasswordHash: hash, MustChange: actor.Kind != KindSystem}
	var out User
	err = s.db.Tx(ctx, func(tx db.Tx) error {
		region, err := checkRoles(tx, actor, n.Kind, n.Roles)
		if err != nil {
			return err
		}
		u.CreatedAt = tx.Millis()
		if err := insertUser(tx, u); db.Duplicate(err) {
			return ErrLoginTaken.New()
		} else if err != nil {
			return err
		}
		if err := replaceRoles(tx, u.ID, n.Roles); err != nil {
			return err
		}
		out = u.user(nil)
		out.Roles = n.Roles
		return audit.Write(tx, actor.Audit("user.create", target("user", u.ID), region, "新建账号 "+u.Name+"："+roleList(n.Roles)))
	})
	if err != nil {
		return User{}, "", err
	}
	return out, password, nil
}

// newPassword checks a password, or makes one up where there is none, and hashes it.
func (s *Service) newPassword(ctx context.Context, password, login string) (string, string, error) {
	if password == "" {
		password = initialPassword()
	} else if err := checkPassword(password, login); err != nil {
		return "", "", err
	}
	hash, err := s.hasher.hash(ctx, password)
	return password, hash, err
}

// UserFilter narrows Users.
type UserFilter struct {
	Kind     Kind   // 0: merchants' people for a merchant, officers for everybody else
	Region   id.ID  // with a role in exactly this region
	Merchant id.ID  // with a role at this merchant
	Query    string // part of the name, or beginning of the log-in name
	Disabled *bool
	After    string // Login of the last user of the page before
}

// Users lists at most limit of the users whom the actor may see, by log-in name.
func (s *Service) Users(ctx context.Context, actor Actor, f UserFilter, limit int) ([]User, error) {
	if !actor.Can(ClerkWrite) {
		if err := actor.Check(UserRead); err != nil {
			return nil, err
		}
	}
	if f.Kind == 0 {
		f.Kind = KindOfficer
		if actor.Kind == KindMerchant {
			f.Kind = KindMerchant
		}
	}
	where, args := []string{"u.kind = ?", "u.login > ?"}, []any{f.Kind, foldCursor(f.After)}
	add := func(cond string, a ...any) {
		where = append(where, cond)
		args = append(args, a...)
	}
	const has = "EXISTS (SELECT 1 FROM user_roles r LEFT JOIN merchants m ON m.id = r.merchant_id WHERE r.user_id = u.id AND "
	if regions, all := actor.Reach(UserRead); !all { // of no regions gorm makes IN (NULL), which nothing is
		var merchant id.ID // 0 is nobody's merchant
		if actor.Can(ClerkWrite) {
			merchant = actor.Merchant()
		}
		add(has+"(r.region_id IN ? OR m.region_id IN ? OR r.merchant_id = ? AND r.merchant_id <> 0))", regions, regions, merchant)
	}
	if f.Region != 0 {
		add(has+"r.region_id = ?)", f.Region)
	}
	if f.Merchant != 0 {
		add(has+"r.merchant_id = ?)", f.Merchant)
	}
	if f.Query != "" {
		q := likeEscape.Replace(strings.TrimSpace(strings.ToValidUTF8(f.Query, "")))
		if login := foldLogin(q); isASCII(login) {
			add("(u.name LIKE ? ESCAPE '!' OR u.login LIKE ? ESCAPE '!')", "%"+q+"%", login+"%")
		} else {
			add("u.name LIKE ? ESCAPE '!'", "%"+q+"%")
		}
	}
	if f.Disabled != nil {
		add("(u.disabled_at <> 0) = ?", tinyint(*f.Disabled))
	}
	var out []User
	err := s.db.Read(ctx, func(tx db.Tx) error {
		var rows []userRow
		q := "SELECT id, kind, login, name, must_change, disabled_at, created_at FROM users u WHERE " + strings.Join(where, " AND ") + " ORDER BY u.login LIMIT ?"
		if err := tx.Raw(q, append(args, limit)...).Scan(&rows).Error; err != nil {
			return fmt.Errorf("listing users: %w", err)
		}
		ids := make([]id.ID, len(rows))
		for i, r := range rows {
			ids[i] = r.ID
		}
		roles, err := rolesOf(tx, ids)
		if err != nil {
			return err
		}
		out = make([]User, len(rows))
		for i, r := range rows {
			out[i] = r.user(roles[r.ID])
		}
		return nil
	})
	return out, err
}

// User is one user whom the actor may see.
func (s *Service) User(ctx context.Context, actor Actor, user id.ID) (out User, err error) {
	if !actor.Can(ClerkWrite) {
		if err := actor.Check(UserRead); err != nil {
			return User{}, err
		}
	}
	err = s.db.Read(ctx, func(tx db.Tx) error {
		u, ok, err := userByID(tx, user, "")
		if err != nil {
			return err
		}
		roles, err := rolesOf(tx, []id.ID{user})
		if err != nil {
			return err
		}
		if !ok || !sees(actor, roles[user]) {
			return errNotHere()
		}
		out = u.user(roles[user])
		return nil
	})
	return out, err
}

// change runs fn on a user that the actor may change, and audits it.
func (s *Service) change(ctx context.Context, actor Actor, user id.ID, action string, fn func(tx db.Tx, u *userRow, roles []roleRow) (summary string, err error)) (out User, err error) {
	if err := mayWriteUsers(actor); err != nil {
		return User{}, err
	}
	err = s.db.Tx(ctx, func(tx db.Tx) error {
		u, roles, err := editable(tx, actor, user)
		if err != nil {
			return err
		}
		summary, err := fn(tx, &u, roles)
		if err != nil {
			return err
		}
		if _, err := exec(tx, "changing a user", "UPDATE users SET name = ?, password_hash = ?, must_change = ?, disabled_at = ?, updated_at = ? WHERE id = ?",
			u.Name, u.PasswordHash, tinyint(u.MustChange), u.DisabledAt, tx.Millis(), u.ID); err != nil {
			return err
		}
		if err := stamp.Count(tx, stamp.Access); err != nil {
			return err
		}
		now, err := rolesOf(tx, []id.ID{user})
		if err != nil {
			return err
		}
		out = u.user(now[user])
		return audit.Write(tx, actor.Audit(action, target("user", user), regionOf(append(now[user], roles...)), summary))
	})
	if err != nil {
		return User{}, err
	}
	return out, nil
}

// RenameUser changes the name shown.
func (s *Service) RenameUser(ctx context.Context, actor Actor, user id.ID, name string) (User, error) {
	name, err := cleanName(name)
	if err != nil {
		return User{}, err
	}
	return s.change(ctx, actor, user, "user.rename", func(_ db.Tx, u *userRow, _ []roleRow) (string, error) {
		old := u.Name
		u.Name = name
		return "账号 " + old + " 改名为 " + name, nil
	})
}

// DisableUser shuts a user out: every session ends with this call.
func (s *Service) DisableUser(ctx context.Context, actor Actor, user id.ID) (User, error) {
	return s.change(ctx, actor, user, "user.disable", func(tx db.Tx, u *userRow, _ []roleRow) (string, error) {
		if user == actor.UserID {
			return "", ErrOneself.New()
		}
		u.DisabledAt = tx.Millis()
		return "停用账号 " + u.Name, revokeSessions(tx, user, 0)
	})
}

// EnableUser lets a disabled user log in again, with the old password.
func (s *Service) EnableUser(ctx context.Context, actor Actor, user id.ID) (User, error) {
	return s.change(ctx, actor, user, "user.enable", func(_ db.Tx, u *userRow, _ []roleRow) (string, error) {
		u.DisabledAt = 0
		return "启用账号 " + u.Name, nil
	})
}

// ResetPassword gives a user an initial password (made up where "" is given), ends the user's sessions and forgets failed
// log-ins. It returns the password. One's own is changed with ChangePassword, which asks for the old one.
func (s *Service) ResetPassword(ctx context.Context, actor Actor, user id.ID, password string) (string, error) {
	if err := mayWriteUsers(actor); err != nil {
		return "", err
	}
	password, hash, err := s.newPassword(ctx, password, "")
	if err != nil {
		return "", err
	}
	_, err = s.change(ctx, actor, user, "user.password", func(tx db.Tx, u *userRow, _ []roleRow) (string, error) {
		if user == actor.UserID {
			return "", ErrOneself.With("修改自己的密码请用“修改密码”，要填原密码")
		}
		if u.Kind == KindVillager {
			return "", ErrKind.New()
		}
		u.PasswordHash, u.MustChange = hash, actor.Kind != KindSystem
		if err := forgetFailures(tx, u.Kind, u.Login); err != nil {
			return "", err
		}
		return "重设 " + u.Name + " 的密码", revokeSessions(tx, user, 0)
	})
	if err != nil {
		return "", err
	}
	return password, nil
}

// SetRoles makes these the roles of the user; they count from the user's next request.
func (s *Service) SetRoles(ctx context.Context, actor Actor, user id.ID, roles []Assignment) (User, error) {
	return s.change(ctx, actor, user, "user.roles", func(tx db.Tx, u *userRow, _ []roleRow) (string, error) {
		if user == actor.UserID {
			return "", ErrOneself.New()
		}
		if _, err := checkRoles(tx, actor, u.Kind, roles); err != nil {
			return "", err
		}
		return "账号 " + u.Name + " 的角色改为：" + roleList(roles), replaceRoles(tx, user, roles)
	})
}

func roleList(roles []Assignment) string {
	var names []string
	for _, r := range roles {
		names = append(names, RoleNames[r.Role])
	}
	return strings.Join(names, "、")
}

// regionOf is the first region that roles name.
func regionOf(roles []roleRow) id.ID {
	for _, r := range roles {
		if r.RegionID != 0 {
			return r.RegionID
		}
		if r.Stands != 0 {
			return r.Stands
		}
	}
	return 0
}

func cleanName(name string) (string, error) {
	name = strings.TrimSpace(name)
	n := utf8.RuneCountInString(name)
	if !utf8.ValidString(name) || n == 0 || n > 30 || strings.ContainsFunc(name, unicode.IsControl) {
		return "", ErrName.At(errs.Field{Path: "name", Text: "请填写姓名，最多 30 个字"})
	}
	return name, nil
}

var likeEscape = strings.NewReplacer("!", "!!", "%", "!%", "_", "!_")

// foldCursor keeps what is no log-in name away from a column of ASCII.
func foldCursor(login string) string {
	if !isASCII(login) {
		return ""
	}
	return login
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > unicode.MaxASCII })
}
