package api

import (
	"context"
	"time"

	"jishan/internal/auth"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/people"
	"jishan/internal/shop"
)

const tagAuth = "登录"

// Tokens are the answer to a log-in or refresh.
type Tokens struct {
	AccessToken      string    `json:"access_token"`
	AccessExpiresAt  time.Time `json:"access_expires_at"`
	RefreshToken     string    `json:"refresh_token" doc:"只能用一次，换来新的"`
	RefreshExpiresAt time.Time `json:"refresh_expires_at"`
	User             id.ID     `json:"user"`
	Session          id.ID     `json:"session"`
	Audience         string    `json:"audience" enum:"officer,merchant,villager"`
	Name             string    `json:"name"`
	MustChange       bool      `json:"must_change" doc:"须先修改初始密码"`
}

// LoginInput is typed by officers and merchants' people.
type LoginInput struct {
	Audience string `json:"audience" enum:"officer,merchant"`
	Login    string `json:"login" minLength:"1" maxLength:"64"`
	Password string `json:"password" minLength:"1" maxLength:"200"`
}

// RefreshInput is a refresh token.
type RefreshInput struct {
	RefreshToken string `json:"refresh_token" minLength:"1" maxLength:"500"`
}

// WeChatInput is the code of wx.login.
type WeChatInput struct {
	Code string `json:"code" minLength:"1" maxLength:"200"`
}

// CardInput is a house card and its PIN.
type CardInput struct {
	Card string `json:"card" minLength:"1" maxLength:"200" doc:"户卡二维码的内容，或卡上的户码"`
	PIN  string `json:"pin" minLength:"1" maxLength:"12" doc:"户卡密码"`
}

// PasswordChange replaces one's own password.
type PasswordChange struct {
	Old string `json:"old" minLength:"1" maxLength:"200"`
	New string `json:"new" minLength:"1" maxLength:"200"`
}

// RoleAssignment is a role with its reach.
type RoleAssignment struct {
	Role         string `json:"role" enum:"admin,township,village,secretary,supervisor,owner,clerk,villager"`
	RoleName     string `json:"role_name"`
	Region       id.ID  `json:"region,omitempty"`
	RegionName   string `json:"region_name,omitempty"`
	RegionKind   string `json:"region_kind,omitempty" enum:"county,township,village,group"`
	Merchant     id.ID  `json:"merchant,omitempty"`
	MerchantName string `json:"merchant_name,omitempty"`
	Branch       id.ID  `json:"branch,omitempty"`
}

// Me is what somebody who has logged in may know about oneself.
type Me struct {
	ID          id.ID            `json:"id"`
	Audience    string           `json:"audience" enum:"officer,merchant,villager"`
	Login       string           `json:"login"`
	Name        string           `json:"name"`
	MustChange  bool             `json:"must_change"`
	Roles       []RoleAssignment `json:"roles"`
	Permissions []string         `json:"permissions"`
	Households  []MyHousehold    `json:"households"`
}

// Session is one device on which somebody is logged in.
type Session struct {
	ID        id.ID     `json:"id"`
	Device    string    `json:"device"`
	Address   string    `json:"address"`
	CreatedAt time.Time `json:"created_at"`
	UsedAt    time.Time `json:"used_at"`
	ExpiresAt time.Time `json:"expires_at"`
	Current   bool      `json:"current" doc:"就是现在这一个"`
}

// Sessions are one's own, latest used first.
type Sessions struct {
	Items []Session `json:"items"`
}

// DemoPick names whom to be in a demo: a household, or a user.
type DemoPick struct {
	Household id.ID  `json:"household,omitempty"`
	Audience  string `json:"audience,omitempty" enum:"officer,merchant"`
	Login     string `json:"login,omitempty" maxLength:"64"`
}

// DemoUser is somebody one may be in a demo.
type DemoUser struct {
	Audience string           `json:"audience" enum:"officer,merchant"`
	Login    string           `json:"login"`
	Name     string           `json:"name"`
	Roles    []RoleAssignment `json:"roles"`
}

// DemoChoices are whom one may be in a demo.
type DemoChoices struct {
	Users      []DemoUser  `json:"users"`
	Households []Household `json:"households"`
}

var audienceWords = words[auth.Kind]{auth.KindOfficer: "officer", auth.KindMerchant: "merchant", auth.KindVillager: "villager"}

func (c *Call) origin() auth.Origin {
	return auth.Origin{Device: c.Device, Address: c.Address, RequestID: c.RequestID}
}

func tokensOut(t auth.Tokens, err error) (Tokens, error) {
	return Tokens{AccessToken: t.Access, AccessExpiresAt: t.AccessExpires, RefreshToken: t.Refresh, RefreshExpiresAt: t.RefreshExpires, User: t.User,
		Session: t.Session, Audience: audienceWords[t.Kind], Name: t.Name, MustChange: t.MustChange}, err
}

func sessionOut(x auth.Session) Session {
	return Session{x.ID, x.Device, x.Address, x.CreatedAt, x.UsedAt, x.ExpiresAt, x.Current}
}

// placeNames are the names of what roles reach.
type placeNames struct {
	regions   map[id.ID]people.Region
	merchants map[id.ID]shop.Merchant
}

func (s *Server) placesOf(ctx context.Context, users ...auth.User) (n placeNames, err error) {
	var regions, merchants []id.ID
	for _, u := range users {
		for _, r := range u.Roles {
			regions, merchants = append(regions, r.Region), append(merchants, r.Merchant)
		}
	}
	err = s.deps.DB.Read(ctx, func(tx db.Tx) (err error) {
		if n.regions, err = people.RegionsByID(tx, distinct(regions)); err != nil {
			return err
		}
		n.merchants, err = shop.MerchantsByID(tx, distinct(merchants))
		return err
	})
	return n, err
}

func (n placeNames) role(r auth.Assignment) RoleAssignment {
	return RoleAssignment{Role: string(r.Role), RoleName: auth.RoleNames[r.Role], Region: r.Region, RegionName: n.regions[r.Region].Name,
		RegionKind: regionKinds[n.regions[r.Region].Kind], Merchant: r.Merchant, MerchantName: n.merchants[r.Merchant].Name, Branch: r.Branch}
}

func (s *Server) me(ctx context.Context, actor auth.Actor) (Me, error) {
	p, err := s.deps.Auth.Me(ctx, actor)
	if err != nil {
		return Me{}, err
	}
	names, err := s.placesOf(ctx, p.User)
	if err != nil {
		return Me{}, err
	}
	houses, err := s.myHouseholds(ctx, p.Households)
	return Me{ID: p.ID, Audience: audienceWords[p.Kind], Login: p.Login, Name: p.Name, MustChange: p.MustChange, Roles: mapped(p.Roles, names.role),
		Permissions: mapped(p.Permissions, func(x auth.Permission) string { return string(x) }), Households: houses}, err
}

func (s *Server) authOps() {
	public := func(o Op) Op { o.Tag, o.Perm, o.Audience = tagAuth, auth.Public, Anybody; return o }
	self := func(o Op) Op { o.Tag, o.Perm, o.Audience = tagAuth, auth.Self, Everyone; return o }

	register(s, public(Op{ID: "auth-login", Method: "POST", Path: "/auth/login", Summary: "干部、商户登录"}),
		func(ctx context.Context, c *Call, in *struct{ Body LoginInput }) (Tokens, error) {
			return tokensOut(s.deps.Auth.Login(ctx, auth.Credentials{Kind: audienceWords.value(in.Body.Audience), Login: in.Body.Login, Password: in.Body.Password}, c.origin()))
		})
	register(s, public(Op{ID: "auth-refresh", Method: "POST", Path: "/auth/refresh", Summary: "换新令牌", Note: "刷新令牌只能用一次；被别人用过，这次登录就作废。"}),
		func(ctx context.Context, c *Call, in *struct{ Body RefreshInput }) (Tokens, error) {
			return tokensOut(s.deps.Auth.Refresh(ctx, in.Body.RefreshToken, c.origin()))
		})
	register(s, public(Op{ID: "auth-wechat", Method: "POST", Path: "/auth/wechat", Summary: "村民从微信进入"}),
		func(ctx context.Context, c *Call, in *struct{ Body WeChatInput }) (Tokens, error) {
			session, err := s.deps.WeChat.Session(ctx, in.Body.Code)
			if err != nil {
				return Tokens{}, err
			}
			return tokensOut(s.deps.Auth.LoginWeChat(ctx, session.OpenID, c.origin()))
		})
	register(s, public(Op{ID: "auth-card", Method: "POST", Path: "/auth/card", Summary: "村民凭户卡和密码登录", Note: "连续输错 3 次锁定户卡，和在商户输错一样。兑换码不能用来登录。"}),
		func(ctx context.Context, c *Call, in *struct{ Body CardInput }) (Tokens, error) {
			return tokensOut(s.deps.Auth.LoginCard(ctx, in.Body.Card, c.origin(), func(ctx context.Context, stranger auth.Actor) (id.ID, error) {
				return s.deps.Redeem.CheckCard(ctx, stranger, in.Body.Card, in.Body.PIN)
			}))
		})
	registerEmpty(s, self(Op{ID: "auth-logout", Method: "POST", Path: "/auth/logout", Summary: "退出登录"}),
		func(ctx context.Context, c *Call, _ *struct{}) error { return s.deps.Auth.Logout(ctx, c.Actor) })
	register(s, self(Op{ID: "auth-me", Method: "GET", Path: "/auth/me", Summary: "我是谁，能做什么"}),
		func(ctx context.Context, c *Call, _ *struct{}) (Me, error) { return s.me(ctx, c.Actor) })
	registerEmpty(s, self(Op{ID: "auth-password", Method: "PUT", Path: "/auth/password", Summary: "修改自己的密码", Note: "其他设备上的登录会退出。"}),
		func(ctx context.Context, c *Call, in *struct{ Body PasswordChange }) error {
			return s.deps.Auth.ChangePassword(ctx, c.Actor, in.Body.Old, in.Body.New)
		})
	register(s, self(Op{ID: "auth-sessions", Method: "GET", Path: "/auth/sessions", Summary: "我在哪些设备上登录着"}),
		func(ctx context.Context, c *Call, _ *struct{}) (Sessions, error) {
			list, err := s.deps.Auth.Sessions(ctx, c.Actor)
			return Sessions{mapped(list, sessionOut)}, err
		})
	registerEmpty(s, self(Op{ID: "auth-session-revoke", Method: "DELETE", Path: "/auth/sessions/{id}", Summary: "让一台设备退出登录"}),
		func(ctx context.Context, c *Call, in *ByID) error {
			return s.deps.Auth.RevokeSession(ctx, c.Actor, in.ID.V)
		})
	s.demoOps(public)
}

// demoOps let a visitor of a demo be anybody. Outside of a demo they answer 404.
func (s *Server) demoOps(public func(Op) Op) {
	register(s, public(Op{ID: "auth-demo-choices", Method: "GET", Path: "/auth/demo", Summary: "演示：可以扮演谁", Note: "只在演示时有。"}),
		func(ctx context.Context, c *Call, in *struct {
			Q       string `query:"q" maxLength:"50" doc:"找一户：姓名、首字母或户码"`
			Village Key    `query:"village"`
		}) (out DemoChoices, err error) {
			if !s.deps.Config.Demo.Enabled {
				return out, errs.ErrNotFound.New()
			}
			system := auth.System("demo")
			var users []auth.User
			for _, kind := range []auth.Kind{auth.KindOfficer, auth.KindMerchant} {
				list, err := s.deps.Auth.Users(ctx, system, auth.UserFilter{Kind: kind, Disabled: ptr(false)}, 100)
				if err != nil {
					return out, err
				}
				users = append(users, list...)
			}
			names, err := s.placesOf(ctx, users...)
			if err != nil {
				return out, err
			}
			out.Users = mapped(users, func(u auth.User) DemoUser {
				return DemoUser{audienceWords[u.Kind], u.Login, u.Name, mapped(u.Roles, names.role)}
			})
			found, err := s.deps.People.Households(ctx, system, people.Search{Village: in.Village.V, Text: in.Q, Limit: 20})
			out.Households = mapped(found, func(f people.Found) Household { return householdOut(f.Household) })
			return out, err
		})
	register(s, public(Op{ID: "auth-demo", Method: "POST", Path: "/auth/demo", Summary: "演示：扮演一户或一个账号", Note: "不用密码。只在演示时有。"}),
		func(ctx context.Context, c *Call, in *struct{ Body DemoPick }) (Tokens, error) {
			if !s.deps.Config.Demo.Enabled {
				return Tokens{}, errs.ErrNotFound.New()
			}
			return tokensOut(s.deps.Auth.DemoLogin(ctx, auth.DemoPick{Household: in.Body.Household, Kind: audienceWords.value(in.Body.Audience), Login: in.Body.Login}, c.origin()))
		})
}
