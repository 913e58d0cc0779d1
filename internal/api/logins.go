package api

import (
	"context"
	"time"

	"jishan/internal/auth"
	"jishan/internal/id"
)

// HouseholdLogin is a log-in that may act for a household.
type HouseholdLogin struct {
	User     id.ID     `json:"user"`
	Name     string    `json:"name"`
	Villager id.ID     `json:"villager,omitempty" doc:"绑定时认出的人"`
	Way      string    `json:"way" enum:"wechat,card"`
	BoundAt  time.Time `json:"bound_at"`
}

// HouseholdLogins are the log-ins bound to a household.
type HouseholdLogins struct {
	Items []HouseholdLogin `json:"items"`
}

// loginOps let officers see and remove who acts for a household.
func (s *Server) loginOps() {
	register(s, Op{ID: "household-logins", Method: "GET", Path: "/households/{id}/logins", Summary: "哪些手机绑定了这一户", Tag: tagPeople, Perm: auth.PeopleRead, Audience: Officers},
		func(ctx context.Context, c *Call, in *ByID) (HouseholdLogins, error) {
			list, err := s.deps.Auth.BoundUsers(ctx, c.Actor, in.ID.V)
			return HouseholdLogins{mapped(list, func(b auth.BoundUser) HouseholdLogin {
				way := "wechat"
				if b.Card {
					way = "card"
				}
				return HouseholdLogin{b.User, b.Name, b.Villager, way, b.BoundAt}
			})}, err
		})
	registerEmpty(s, Op{ID: "household-login-remove", Method: "DELETE", Path: "/households/{id}/logins/{user}", Summary: "解除一部手机对这一户的绑定", Tag: tagPeople, Perm: auth.PeopleWrite, Audience: Officers},
		func(ctx context.Context, c *Call, in *struct {
			ByID
			User Key `path:"user"`
		}) error {
			return s.deps.Auth.RemoveBinding(ctx, c.Actor, in.ID.V, in.User.V)
		})
}
