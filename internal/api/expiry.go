package api

import (
	"context"
	"time"

	"jishan/internal/auth"
	"jishan/internal/award"
	"jishan/internal/cal"
	"jishan/internal/id"
	"jishan/internal/points"
)

// DueWallet is what a household would lose.
type DueWallet struct {
	Household id.ID         `json:"household"`
	Points    points.Amount `json:"points"`
}

// Due is what a clearing of expired points would take.
type Due struct {
	LastDay    cal.Day       `json:"last_day" doc:"有效期到这一天及以前的积分"`
	Households int           `json:"households"`
	Points     points.Amount `json:"points"`
	Largest    []DueWallet   `json:"largest" doc:"最多的十户"`
}

// ClearingInput confirms a preview.
type ClearingInput struct {
	LastDay    cal.Day `json:"last_day" doc:"照预览填"`
	Households int     `json:"households" minimum:"1" doc:"照预览填"`
	Points     Points  `json:"points" doc:"照预览填；与现在的不符就不清零"`
}

// ClearingReturn says how a clearing was undone.
type ClearingReturn struct {
	At        time.Time `json:"at"`
	ActorName string    `json:"actor_name"`
	Reason    string    `json:"reason"`
	GoodUntil cal.Day   `json:"good_until" doc:"退回的积分有效到哪天"`
}

// Clearing is a clearing of expired points.
type Clearing struct {
	Number     int64           `json:"number" doc:"本村账上从第几号起，一户一号"`
	LastDay    cal.Day         `json:"last_day"`
	Households int             `json:"households"`
	Points     points.Amount   `json:"points"`
	At         time.Time       `json:"at"`
	ActorName  string          `json:"actor_name"`
	Returned   *ClearingReturn `json:"returned,omitempty" doc:"撤销了才有"`
}

// Clearings are a village's latest.
type Clearings struct {
	Items []Clearing `json:"items"`
}

// ClearingReverse undoes a clearing.
type ClearingReverse struct {
	Reason    string   `json:"reason" minLength:"2" maxLength:"200" doc:"会告诉每一户"`
	GoodUntil *cal.Day `json:"good_until,omitempty" doc:"退回的积分有效到哪天，不填为下月底"`
}

func clearingOut(c award.Clearing) Clearing {
	out := Clearing{Number: c.Number, LastDay: c.LastDay, Households: c.Households, Points: c.Points, At: c.At, ActorName: c.ActorName}
	if r := c.Returned; r != nil {
		out.Returned = &ClearingReturn{r.At, r.ActorName, r.Reason, r.GoodUntil}
	}
	return out
}

// latestClearings are as many as a list shows: years of them.
const latestClearings = 200

func (s *Server) expiryOps() {
	op := func(o Op, p auth.Permission) Op { o.Tag, o.Perm, o.Audience = tagAwards, p, Officers; return o }
	register(s, op(Op{ID: "expiry-preview", Method: "GET", Path: "/villages/{id}/expiry", Summary: "预览：现在有多少积分到期", Note: "不清零。"}, auth.AwardReverse),
		func(ctx context.Context, c *Call, in *ByID) (Due, error) {
			d, err := s.deps.Awards.Due(ctx, c.Actor, in.ID.V)
			return Due{d.LastDay, d.Households, d.Points, mapped(d.Largest, func(w award.DueWallet) DueWallet { return DueWallet(w) })}, err
		})
	register(s, op(Op{ID: "expiry-clear", Method: "POST", Path: "/villages/{id}/clearings", Summary: "到期积分清零", Idempotent: true,
		Note: "先预览，再照预览的数确认；数变了就不清零。会通知每一户，可以撤销。"}, auth.AwardReverse),
		func(ctx context.Context, c *Call, in *struct {
			ByID
			Body ClearingInput
		}) (Clearing, error) {
			b := in.Body
			done, err := s.deps.Awards.Expire(ctx, c.Actor, c.Idem, in.ID.V, award.DueTotals{LastDay: b.LastDay, Households: b.Households, Points: b.Points.Amount()})
			return clearingOut(done), err
		})
	register(s, op(Op{ID: "expiry-clearings", Method: "GET", Path: "/villages/{id}/clearings", Summary: "本村的到期清零", Note: "新的在前。"}, auth.AwardRead),
		func(ctx context.Context, c *Call, in *ByID) (Clearings, error) {
			list, err := s.deps.Awards.Clearings(ctx, c.Actor, in.ID.V, latestClearings)
			return Clearings{mapped(list, clearingOut)}, err
		})
	register(s, op(Op{ID: "expiry-return", Method: "POST", Path: "/villages/{id}/clearings/{number}/reverse", Summary: "撤销一次到期清零，积分退回", Idempotent: true}, auth.AwardReverse),
		func(ctx context.Context, c *Call, in *struct {
			NumberPath
			Body ClearingReverse
		}) (Clearing, error) {
			var until cal.Day
			if d := in.Body.GoodUntil; d != nil {
				until = *d
			}
			done, err := s.deps.Awards.ReturnExpired(ctx, c.Actor, c.Idem, in.ID.V, in.Number, until, in.Body.Reason)
			return clearingOut(done), err
		})
}
