package auth

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"jishan/internal/audit"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
)

const (
	weChatPrefix = "wx:" // users.login of who came through WeChat
	cardPrefix   = "hh:" // users.login of who came with a house card
	weChatName   = "微信用户"
	maxBindings  = 5
)

var openID = regexp.MustCompile(`^[A-Za-z0-9_-]{6,60}$`)

// Binding ties a villager's log-in to a household; Villager is the person who was recognised, 0 for a house card.
type Binding struct {
	Household id.ID
	Villager  id.ID
	BoundAt   time.Time
}

// LoginWeChat begins a session for who owns the openid, making the user at the first visit. The caller has the openid from
// WeChat itself, never from the client.
func (s *Service) LoginWeChat(ctx context.Context, openid string, from Origin) (Tokens, error) {
	if !openID.MatchString(openid) {
		return Tokens{}, ErrLogin.With("微信没有返回有效的身份，请退出小程序后重新进入")
	}
	return s.enter(ctx, nil, from, "微信登录", func(db.Tx) (visitor, error) {
		return visitor{login: weChatPrefix + openid, name: weChatName}, nil
	})
}

// LoginCard begins a session for the household of a house card. check tries the card's PIN and names the household; the actor it
// gets is a stranger, for the audit log. However check fails, it is a failed log-in with this card and from this address: too many
// are ErrThrottled with RetryAfter.
func (s *Service) LoginCard(ctx context.Context, card string, from Origin, check func(context.Context, Actor) (id.ID, error)) (Tokens, error) {
	tried, err := s.reserve(ctx, accountBucket(KindVillager, cardPrefix+foldLogin(card)), from.Address, ErrThrottled)
	if err != nil {
		return Tokens{}, err
	}
	household, err := check(ctx, Actor{Kind: KindVillager, Name: "户卡登录", Address: from.Address, RequestID: from.RequestID})
	if err != nil {
		return Tokens{}, err
	}
	return s.enterHousehold(ctx, household, &tried, from, "户卡登录")
}

func (s *Service) enterHousehold(ctx context.Context, household id.ID, tried *attempt, from Origin, how string) (Tokens, error) {
	return s.enter(ctx, tried, from, how, func(tx db.Tx) (visitor, error) {
		h, ok, err := householdByID(tx, household)
		if err == nil && !ok {
			err = errNotHere()
		}
		return visitor{login: cardPrefix + h.Code, name: h.HeadName, household: household, village: h.VillageID}, err
	})
}

// visitor is who a villager is about to be.
type visitor struct {
	login, name        string
	household, village id.ID
}

func (s *Service) enter(ctx context.Context, tried *attempt, from Origin, how string, who func(db.Tx) (visitor, error)) (out Tokens, err error) {
	err = s.db.Tx(ctx, func(tx db.Tx) error {
		v, err := who(tx)
		if err != nil {
			return err
		}
		user, ok, err := userByLogin(tx, KindVillager, v.login, tx.ForUpdate())
		if err != nil {
			return err
		}
		if !ok {
			user = userRow{ID: id.New(), Kind: KindVillager, Login: v.login, Name: v.name}
			if err := insertUser(tx, user); db.Duplicate(err) {
				return fmt.Errorf("two first visits at once: %w", db.ErrRetry)
			} else if err != nil {
				return err
			}
		}
		if user.DisabledAt != 0 {
			return ErrDisabled.New()
		}
		if v.household != 0 {
			if err := bind(tx, user.ID, v.household, 0); err != nil {
				return err
			}
		}
		if tried != nil {
			if err := forgive(tx, *tried); err != nil {
				return err
			}
		}
		if out, err = s.startSession(tx, user, from); err != nil {
			return err
		}
		return audit.Write(tx, user.actor(out.Session, from).Audit("auth.login", target("session", out.Session), v.village, how))
	})
	if err != nil {
		return Tokens{}, err
	}
	return out, nil
}

type householdRow struct {
	ID        id.ID  `gorm:"column:id"`
	VillageID id.ID  `gorm:"column:village_id"`
	Code      string `gorm:"column:code"`
	HeadName  string `gorm:"column:head_name"`
}

func householdByID(tx db.Tx, household id.ID) (householdRow, bool, error) {
	return one[householdRow](tx, "a household", "SELECT id, village_id, code, head_name FROM households WHERE id = ?", "", household)
}

// bind writes a binding that may be there already.
func bind(tx db.Tx, user, household, villager id.ID) error {
	const q = "SELECT user_id, household_id FROM user_households WHERE user_id = ? AND household_id = ?"
	_, ok, err := one[boundRow](tx, "a binding", q, "", user, household)
	if err != nil || ok {
		return err
	}
	return db.Insert(tx, "user_households", []string{"user_id", "household_id", "villager_id", "bound_at"}, 1, func(_ int, args []any) []any {
		return append(args, user, household, villager, tx.Millis())
	})
}

func bindingsOf(tx db.Tx, user id.ID) ([]Binding, error) {
	var rows []struct {
		HouseholdID id.ID `gorm:"column:household_id"`
		VillagerID  id.ID `gorm:"column:villager_id"`
		BoundAt     int64 `gorm:"column:bound_at"`
	}
	const q = "SELECT household_id, villager_id, bound_at FROM user_households WHERE user_id = ? ORDER BY bound_at, household_id"
	if err := tx.Raw(q, user).Scan(&rows).Error; err != nil {
		return nil, fmt.Errorf("reading bindings: %w", err)
	}
	out := make([]Binding, len(rows))
	for i, r := range rows {
		out[i] = Binding{Household: r.HouseholdID, Villager: r.VillagerID, BoundAt: time.UnixMilli(r.BoundAt).UTC()}
	}
	return out, nil
}

// Bind ties the actor's log-in to a household, once more or again. verify finds the household of which the actor has proved to
// be, and the villager recognised or 0. Failed proofs are counted for the log-in and its address, in every process; too many are
// ErrBindOften with RetryAfter: names are easily guessed.
func (s *Service) Bind(ctx context.Context, actor Actor, verify func(db.Tx) (household, villager id.ID, err error)) error {
	if err := mayBind(actor); err != nil {
		return err
	}
	tried, err := s.reserve(ctx, bindBucket(actor.UserID), actor.Address, ErrBindOften)
	if err != nil {
		return err
	}
	return s.db.Tx(ctx, func(tx db.Tx) error {
		household, villager, err := verify(tx)
		if err != nil {
			return err
		}
		if err := takeBack(tx, tried.slot, tried.account, tried.address); err != nil {
			return err
		}
		user, ok, err := userByID(tx, actor.UserID, tx.ForUpdate())
		if err != nil {
			return err
		}
		h, found, err := householdByID(tx, household)
		if err != nil {
			return err
		}
		if !ok || !found {
			return errNotHere()
		}
		have, err := bindingsOf(tx, user.ID)
		if err != nil {
			return err
		}
		for _, b := range have {
			if b.Household == household {
				return nil
			}
		}
		if len(have) >= maxBindings {
			return ErrBindLimit.New()
		}
		if villager != 0 {
			name, ok, err := one[string](tx, "a villager", "SELECT name FROM villagers WHERE id = ? AND household_id = ?", "", villager, household)
			if err != nil {
				return err
			}
			if !ok {
				return errNotHere()
			}
			if user.Name == weChatName {
				if _, err := exec(tx, "naming a user", "UPDATE users SET name = ?, updated_at = ? WHERE id = ?", name, tx.Millis(), user.ID); err != nil {
					return err
				}
				actor.Name = name
			}
		}
		if err := bind(tx, user.ID, household, villager); err != nil {
			return err
		}
		return audit.Write(tx, actor.Audit("household.bind", target("household", household), h.VillageID, "绑定 "+h.HeadName+" 户"))
	})
}

func mayBind(actor Actor) error {
	if actor.Kind != KindVillager {
		return errs.ErrForbidden.New()
	}
	return actor.Check(HouseholdBind)
}

// Unbind removes one of the actor's own bindings.
func (s *Service) Unbind(ctx context.Context, actor Actor, household id.ID) error {
	if err := actor.OwnHousehold(HouseholdBind, household); err != nil {
		return err
	}
	return s.unbind(ctx, actor, actor.UserID, household, nil)
}

// unbind removes a binding; allowed, if not nil, decides on the household's village.
func (s *Service) unbind(ctx context.Context, actor Actor, user, household id.ID, allowed func(village id.ID) error) error {
	return s.db.Tx(ctx, func(tx db.Tx) error {
		h, ok, err := householdByID(tx, household)
		if err != nil {
			return err
		}
		if !ok {
			return errNotHere()
		}
		if allowed != nil {
			if err := allowed(h.VillageID); err != nil {
				return err
			}
		}
		n, err := exec(tx, "unbinding a household", "DELETE FROM user_households WHERE user_id = ? AND household_id = ?", user, household)
		if err != nil {
			return err
		}
		if n == 0 {
			return errNotHere()
		}
		return audit.Write(tx, actor.Audit("household.unbind", target("household", household), h.VillageID, "解除 "+h.HeadName+" 户的绑定"))
	})
}

// BoundHouseholds are the actor's own bindings, oldest first.
func (s *Service) BoundHouseholds(ctx context.Context, actor Actor) (out []Binding, err error) {
	err = s.db.Read(ctx, func(tx db.Tx) (err error) {
		out, err = bindingsOf(tx, actor.UserID)
		return err
	})
	return out, err
}

// BoundUser is a log-in that may act for a household.
type BoundUser struct {
	User     id.ID
	Name     string
	Villager id.ID
	Card     bool // with the house card, not through WeChat
	BoundAt  time.Time
}

// BoundUsers are the log-ins bound to a household, for officers of its village.
func (s *Service) BoundUsers(ctx context.Context, actor Actor, household id.ID) (out []BoundUser, err error) {
	err = s.db.Read(ctx, func(tx db.Tx) error {
		h, ok, err := householdByID(tx, household)
		if err != nil {
			return err
		}
		if !ok {
			return errNotHere()
		}
		if err := actor.InRegion(PeopleRead, h.VillageID); err != nil {
			return err
		}
		var rows []struct {
			UserID     id.ID  `gorm:"column:user_id"`
			Name       string `gorm:"column:name"`
			Login      string `gorm:"column:login"`
			VillagerID id.ID  `gorm:"column:villager_id"`
			BoundAt    int64  `gorm:"column:bound_at"`
		}
		const q = "SELECT b.user_id, u.name, u.login, b.villager_id, b.bound_at FROM user_households b JOIN users u ON u.id = b.user_id " +
			"WHERE b.household_id = ? ORDER BY b.bound_at, b.user_id"
		if err := tx.Raw(q, household).Scan(&rows).Error; err != nil {
			return fmt.Errorf("reading bindings: %w", err)
		}
		out = make([]BoundUser, len(rows))
		for i, r := range rows {
			out[i] = BoundUser{User: r.UserID, Name: r.Name, Villager: r.VillagerID, Card: strings.HasPrefix(r.Login, cardPrefix),
				BoundAt: time.UnixMilli(r.BoundAt).UTC()}
		}
		return nil
	})
	return out, err
}

// RemoveBinding lets an officer of the village take a log-in off a household, at once.
func (s *Service) RemoveBinding(ctx context.Context, actor Actor, household, user id.ID) error {
	if err := actor.Check(PeopleWrite); err != nil {
		return err
	}
	return s.unbind(ctx, actor, user, household, func(village id.ID) error { return actor.InRegion(PeopleWrite, village) })
}
