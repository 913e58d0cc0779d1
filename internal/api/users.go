package api

import (
	"context"
	"time"

	"jishan/internal/auth"
	"jishan/internal/id"
)

const tagUsers = "账号与日志"

// User is somebody who can log in.
type User struct {
	ID         id.ID            `json:"id"`
	Audience   string           `json:"audience" enum:"officer,merchant,villager"`
	Login      string           `json:"login"`
	Name       string           `json:"name"`
	MustChange bool             `json:"must_change" doc:"还没有修改初始密码"`
	Disabled   bool             `json:"disabled"`
	CreatedAt  time.Time        `json:"created_at"`
	Roles      []RoleAssignment `json:"roles"`
}

// NewUserAnswer is a user with the initial password, shown this once.
type NewUserAnswer struct {
	User     User   `json:"user"`
	Password string `json:"password" doc:"初始密码，只显示这一次；本人第一次登录须修改"`
}

// PasswordAnswer is a password that has been reset.
type PasswordAnswer struct {
	Password string `json:"password" doc:"只显示这一次"`
}

// RoleInput is a role to be given.
type RoleInput struct {
	Role     string `json:"role" enum:"admin,township,village,secretary,supervisor,owner,clerk"`
	Region   id.ID  `json:"region,omitempty" doc:"干部：管哪里"`
	Merchant id.ID  `json:"merchant,omitempty" doc:"商户的人：哪个商户"`
	Branch   id.ID  `json:"branch,omitempty" doc:"支部书记：哪个支部"`
}

// UserInput makes an account.
type UserInput struct {
	Audience string      `json:"audience" enum:"officer,merchant"`
	Login    string      `json:"login" minLength:"2" maxLength:"32"`
	Name     string      `json:"name" minLength:"1" maxLength:"30"`
	Password string      `json:"password,omitempty" maxLength:"200" doc:"不填则自动生成"`
	Roles    []RoleInput `json:"roles" maxItems:"20"`
}

// ClerkInput makes a clerk.
type ClerkInput struct {
	Login    string `json:"login" minLength:"2" maxLength:"32"`
	Name     string `json:"name" minLength:"1" maxLength:"30"`
	Password string `json:"password,omitempty" maxLength:"200" doc:"不填则自动生成"`
}

// NameInput is a new name.
type NameInput struct {
	Name string `json:"name" minLength:"1" maxLength:"30"`
}

// RolesInput replaces the roles of a user.
type RolesInput struct {
	Roles []RoleInput `json:"roles" maxItems:"20"`
}

// RoleInfo is a role and what it may do.
type RoleInfo struct {
	Role        string   `json:"role"`
	Name        string   `json:"name"`
	Permissions []string `json:"permissions"`
}

// RoleInfos are all roles.
type RoleInfos struct {
	Items []RoleInfo `json:"items"`
}

func (n placeNames) user(u auth.User) User {
	return User{ID: u.ID, Audience: audienceWords[u.Kind], Login: u.Login, Name: u.Name, MustChange: u.MustChange, Disabled: u.Disabled, CreatedAt: u.CreatedAt, Roles: mapped(u.Roles, n.role)}
}

func (r RoleInput) domain() auth.Assignment {
	return auth.Assignment{Role: auth.Role(r.Role), Region: r.Region, Merchant: r.Merchant, Branch: r.Branch}
}

// userOut turns a service's answer into one of the API.
func (s *Server) userOut(ctx context.Context, u auth.User, err error) (User, error) {
	if err != nil {
		return User{}, err
	}
	names, err := s.placesOf(ctx, u)
	return names.user(u), err
}

func (s *Server) userPage(ctx context.Context, actor auth.Actor, f auth.UserFilter, q PageQuery) (page Page[User], err error) {
	if f.After, err = position[string](q.Cursor); err != nil {
		return page, err
	}
	list, err := s.deps.Auth.Users(ctx, actor, f, q.Limit)
	if err != nil {
		return page, err
	}
	names, err := s.placesOf(ctx, list...)
	page.Items = mapped(list, names.user)
	if len(list) == q.Limit {
		page.Next = cursor(list[len(list)-1].Login)
	}
	return page, err
}

func (s *Server) userOps() {
	read := func(o Op) Op { o.Tag, o.Perm, o.Audience = tagUsers, auth.UserRead, Officers; return o }
	write := func(o Op) Op { o.Tag, o.Perm, o.Audience = tagUsers, auth.UserWrite, Officers; return o }

	register(s, read(Op{ID: "user-list", Method: "GET", Path: "/users", Summary: "账号", Note: "按登录名排列。"}),
		func(ctx context.Context, c *Call, in *struct {
			PageQuery
			Audience string `query:"audience" enum:"officer,merchant" default:"officer"`
			Region   Key    `query:"region" doc:"在这里有角色的"`
			Merchant Key    `query:"merchant" doc:"在这个商户的"`
			Q        string `query:"q" maxLength:"50" doc:"姓名，或登录名的开头"`
		}) (Page[User], error) {
			return s.userPage(ctx, c.Actor, auth.UserFilter{Kind: audienceWords.value(in.Audience), Region: in.Region.V, Merchant: in.Merchant.V, Query: in.Q}, in.PageQuery)
		})
	register(s, read(Op{ID: "user-get", Method: "GET", Path: "/users/{id}", Summary: "一个账号"}),
		func(ctx context.Context, c *Call, in *ByID) (User, error) {
			u, err := s.deps.Auth.User(ctx, c.Actor, in.ID.V)
			return s.userOut(ctx, u, err)
		})
	register(s, write(Op{ID: "user-create", Method: "POST", Path: "/users", Summary: "新建账号", Note: "只能授予自己管理范围内的同级或下级角色。"}),
		func(ctx context.Context, c *Call, in *struct{ Body UserInput }) (NewUserAnswer, error) {
			b := in.Body
			u, password, err := s.deps.Auth.CreateUser(ctx, c.Actor, auth.NewUser{Kind: audienceWords.value(b.Audience), Login: b.Login, Name: b.Name, Password: b.Password, Roles: mapped(b.Roles, RoleInput.domain)})
			out, err := s.userOut(ctx, u, err)
			return NewUserAnswer{out, password}, err
		})
	s.userChanges(write, "user", "/users/{id}")
	register(s, write(Op{ID: "user-roles", Method: "PUT", Path: "/users/{id}/roles", Summary: "设定账号的角色", Note: "从下一次请求起算数。"}),
		func(ctx context.Context, c *Call, in *struct {
			ByID
			Body RolesInput
		}) (User, error) {
			u, err := s.deps.Auth.SetRoles(ctx, c.Actor, in.ID.V, mapped(in.Body.Roles, RoleInput.domain))
			return s.userOut(ctx, u, err)
		})
	register(s, read(Op{ID: "role-list", Method: "GET", Path: "/roles", Summary: "角色和它们的权限"}),
		func(context.Context, *Call, *struct{}) (RoleInfos, error) {
			out := RoleInfos{Items: []RoleInfo{}}
			for _, r := range []auth.Role{auth.RoleAdmin, auth.RoleTownship, auth.RoleVillage, auth.RoleSecretary, auth.RoleSupervisor, auth.RoleOwner, auth.RoleClerk, auth.RoleVillager} {
				out.Items = append(out.Items, RoleInfo{string(r), auth.RoleNames[r], mapped(auth.RolePermissions[r], func(p auth.Permission) string { return string(p) })})
			}
			return out, nil
		})
	s.clerkOps()
	s.auditOps()
}

// userChanges are what is done to one account. The service decides who may: officers for those below them, a shop's owner for
// its clerks.
func (s *Server) userChanges(op func(Op) Op, prefix, path string) {
	register(s, op(Op{ID: prefix + "-rename", Method: "PUT", Path: path, Summary: "修改账号的姓名"}),
		func(ctx context.Context, c *Call, in *struct {
			ByID
			Body NameInput
		}) (User, error) {
			u, err := s.deps.Auth.RenameUser(ctx, c.Actor, in.ID.V, in.Body.Name)
			return s.userOut(ctx, u, err)
		})
	register(s, op(Op{ID: prefix + "-disable", Method: "POST", Path: path + "/disable", Summary: "停用账号", Note: "立刻退出所有设备。"}),
		func(ctx context.Context, c *Call, in *ByID) (User, error) {
			u, err := s.deps.Auth.DisableUser(ctx, c.Actor, in.ID.V)
			return s.userOut(ctx, u, err)
		})
	register(s, op(Op{ID: prefix + "-enable", Method: "POST", Path: path + "/enable", Summary: "启用账号"}),
		func(ctx context.Context, c *Call, in *ByID) (User, error) {
			u, err := s.deps.Auth.EnableUser(ctx, c.Actor, in.ID.V)
			return s.userOut(ctx, u, err)
		})
	register(s, op(Op{ID: prefix + "-password", Method: "POST", Path: path + "/password", Summary: "重设账号的密码", Note: "退出所有设备；本人登录后须修改。"}),
		func(ctx context.Context, c *Call, in *ByID) (PasswordAnswer, error) {
			p, err := s.deps.Auth.ResetPassword(ctx, c.Actor, in.ID.V, "")
			return PasswordAnswer{p}, err
		})
}

// clerkOps let a shop's owner look after its clerks.
func (s *Server) clerkOps() {
	op := func(o Op) Op { o.Tag, o.Perm, o.Audience = tagMerchants, auth.ClerkWrite, Merchants; return o }
	register(s, op(Op{ID: "clerk-list", Method: "GET", Path: "/merchants/{id}/clerks", Summary: "商户的店员"}),
		func(ctx context.Context, c *Call, in *struct {
			ByID
			PageQuery
		}) (Page[User], error) {
			if err := c.Actor.OwnMerchant(auth.ClerkWrite, in.ID.V); err != nil {
				return Page[User]{}, err
			}
			return s.userPage(ctx, c.Actor, auth.UserFilter{Kind: auth.KindMerchant, Merchant: in.ID.V}, in.PageQuery)
		})
	register(s, op(Op{ID: "clerk-create", Method: "POST", Path: "/merchants/{id}/clerks", Summary: "新建店员账号"}),
		func(ctx context.Context, c *Call, in *struct {
			ByID
			Body ClerkInput
		}) (NewUserAnswer, error) {
			if err := c.Actor.OwnMerchant(auth.ClerkWrite, in.ID.V); err != nil {
				return NewUserAnswer{}, err
			}
			u, password, err := s.deps.Auth.CreateUser(ctx, c.Actor, auth.NewUser{Kind: auth.KindMerchant, Login: in.Body.Login, Name: in.Body.Name, Password: in.Body.Password,
				Roles: []auth.Assignment{{Role: auth.RoleClerk, Merchant: in.ID.V}}})
			out, err := s.userOut(ctx, u, err)
			return NewUserAnswer{out, password}, err
		})
	s.userChanges(op, "clerk", "/clerks/{id}")
}
