package api

import (
	"context"
	"time"

	"jishan/internal/auth"
	"jishan/internal/id"
	"jishan/internal/ledger"
	"jishan/internal/people"
	"jishan/internal/points"
)

// MoverInput is a person who changes household.
type MoverInput struct {
	Villager id.ID  `json:"villager"`
	Relation string `json:"relation,omitempty" maxLength:"8" doc:"与新户主的关系，不填为不变"`
}

// SplitInput asks for some members to found a new household.
type SplitInput struct {
	Members  []MoverInput `json:"members" minItems:"1" maxItems:"50" doc:"分出去的人，第一位是新户的户主"`
	StayHead id.ID        `json:"stay_head,omitempty" doc:"户主分出去时，留下的人里谁当户主"`
	Group    id.ID        `json:"group,omitempty" doc:"新户的组，不填为与原户相同"`
	Address  string       `json:"address,omitempty" maxLength:"50"`
	Points   *Points      `json:"points,omitempty" doc:"带走的可用积分，不填为 0"`
	Reason   string       `json:"reason,omitempty" maxLength:"200" doc:"办理时必填；会告诉两户"`
}

// MergeInput asks for a household to go to another one.
type MergeInput struct {
	Into      id.ID        `json:"into" doc:"并入哪一户"`
	Relations []MoverInput `json:"relations,omitempty" maxItems:"50" doc:"与新户主的关系有变的人"`
	Reason    string       `json:"reason,omitempty" maxLength:"200" doc:"办理时必填；会告诉两户"`
}

// UndoInput says why a split or merge is undone.
type UndoInput struct {
	Reason string `json:"reason" minLength:"2" maxLength:"200"`
}

// RegroupedHousehold is one of the two households, with its points before and after.
type RegroupedHousehold struct {
	Household id.ID         `json:"household,omitempty" doc:"预览分户时新户还没有"`
	CodeText  string        `json:"code_text,omitempty"`
	HeadName  string        `json:"head_name"`
	Group     id.ID         `json:"group,omitempty"`
	Before    points.Amount `json:"before" doc:"原有的可用积分"`
	After     points.Amount `json:"after" doc:"办理以后的可用积分"`
}

// Regrouping is what a split or a merge does, or would do.
type Regrouping struct {
	Change  id.ID              `json:"change,omitempty" doc:"预览没有"`
	Kind    string             `json:"kind" enum:"split,merge"`
	From    RegroupedHousehold `json:"from" doc:"人离开的户"`
	To      RegroupedHousehold `json:"to" doc:"人去的户"`
	Points  points.Amount      `json:"points" doc:"转过去的积分；负数是转过去的欠分"`
	Lots    []ExpiringLot      `json:"lots" doc:"其中有期限的，先到期的在前，期限不变"`
	Share   points.Amount      `json:"share" doc:"分户时按人口算应带走多少"`
	Members []Villager         `json:"members" doc:"换户的人，原来的样子"`
	Number  int64              `json:"number,omitempty" doc:"本村账上的第几号；预览没有"`
}

// HouseholdEvent is a split or a merge as it was done.
type HouseholdEvent struct {
	ID           id.ID         `json:"id"`
	Kind         string        `json:"kind" enum:"split,merge"`
	From         id.ID         `json:"from"`
	FromName     string        `json:"from_name"`
	FromCode     string        `json:"from_code"`
	To           id.ID         `json:"to"`
	ToName       string        `json:"to_name"`
	ToCode       string        `json:"to_code"`
	Village      id.ID         `json:"village"`
	Number       int64         `json:"number" doc:"本村账上的第几号"`
	Points       points.Amount `json:"points"`
	People       []string      `json:"people" doc:"换户的人"`
	Reason       string        `json:"reason"`
	ActorName    string        `json:"actor_name"`
	At           time.Time     `json:"at"`
	Undone       bool          `json:"undone"`
	UndoneAt     *time.Time    `json:"undone_at,omitempty"`
	UndoneName   string        `json:"undone_name,omitempty"`
	UndoneReason string        `json:"undone_reason,omitempty"`
	UndoneNumber int64         `json:"undone_number,omitempty"`
}

// HouseholdEvents are the splits and merges of a household.
type HouseholdEvents struct {
	Items []HouseholdEvent `json:"items"`
}

var changeKinds = words[people.ChangeKind]{people.Split: "split", people.Merge: "merge"}

func (m MoverInput) domain() people.Mover {
	return people.Mover{Villager: m.Villager, Relation: m.Relation}
}

func (in SplitInput) domain(household id.ID) people.SplitOrder {
	o := people.SplitOrder{Household: household, Members: mapped(in.Members, MoverInput.domain), StayHead: in.StayHead, Group: in.Group, Address: in.Address, Reason: in.Reason}
	if in.Points != nil {
		o.Points = in.Points.Amount()
	}
	return o
}

func (in MergeInput) domain(household id.ID) people.MergeOrder {
	return people.MergeOrder{Household: household, Into: in.Into, Relations: mapped(in.Relations, MoverInput.domain), Reason: in.Reason}
}

func sideOut(x people.Side) RegroupedHousehold {
	return RegroupedHousehold{x.Household.ID, people.FormatHouseCode(x.Household.Code), x.Household.HeadName, x.Household.Group, x.Before, x.After}
}

func lotOut(l ledger.Lot) ExpiringLot { return ExpiringLot{l.Expires, l.Amount} }

func regroupingOut(r people.Regrouping) Regrouping {
	return Regrouping{Change: r.Change, Kind: changeKinds[r.Kind], From: sideOut(r.From), To: sideOut(r.To), Points: r.Points, Lots: mapped(r.Lots, lotOut),
		Share: r.Share, Members: mapped(r.Movers, villagerOut), Number: r.Number}
}

func eventOut(c people.Change) HouseholdEvent {
	out := HouseholdEvent{ID: c.ID, Kind: changeKinds[c.Kind], From: c.From.ID, FromName: c.From.HeadName, FromCode: people.FormatHouseCode(c.From.Code),
		To: c.To.ID, ToName: c.To.HeadName, ToCode: people.FormatHouseCode(c.To.Code), Village: c.Village, Number: c.Number, Points: c.Points,
		People: append([]string{}, c.People...), Reason: c.Reason, ActorName: c.ActorName, At: c.At, Undone: c.Undone, UndoneName: c.UndoneName,
		UndoneReason: c.UndoneReason, UndoneNumber: c.UndoneNumber}
	if c.Undone {
		out.UndoneAt = &c.UndoneAt
	}
	return out
}

func (s *Server) regroupOps() {
	op := func(o Op) Op { o.Tag, o.Perm, o.Audience = tagPeople, auth.PeopleRegroup, Officers; return o }
	type split struct {
		ByID
		Body SplitInput
	}
	type merge struct {
		ByID
		Body MergeInput
	}
	register(s, op(Op{ID: "household-split-preview", Method: "POST", Path: "/households/{id}/split/preview", Summary: "预览分户", Note: "不办理。"}),
		func(ctx context.Context, c *Call, in *split) (Regrouping, error) {
			r, err := s.deps.People.PreviewSplit(ctx, c.Actor, in.Body.domain(in.ID.V))
			return regroupingOut(r), err
		})
	register(s, op(Op{ID: "household-split", Method: "POST", Path: "/households/{id}/split", Summary: "分户", Idempotent: true,
		Note: "一部分成员另立一户，可以带走一部分积分。得过的分和积分榜不变。"}),
		func(ctx context.Context, c *Call, in *split) (Regrouping, error) {
			r, err := s.deps.People.Split(ctx, c.Actor, c.Idem, in.Body.domain(in.ID.V))
			return regroupingOut(r), err
		})
	register(s, op(Op{ID: "household-merge-preview", Method: "POST", Path: "/households/{id}/merge/preview", Summary: "预览并户", Note: "不办理。"}),
		func(ctx context.Context, c *Call, in *merge) (Regrouping, error) {
			r, err := s.deps.People.PreviewMerge(ctx, c.Actor, in.Body.domain(in.ID.V))
			return regroupingOut(r), err
		})
	register(s, op(Op{ID: "household-merge", Method: "POST", Path: "/households/{id}/merge", Summary: "并入另一户", Idempotent: true,
		Note: "全部成员和积分转到另一户，这户关闭：户卡和兑换码不能再用，明细还能看。得过的分和积分榜不变。"}),
		func(ctx context.Context, c *Call, in *merge) (Regrouping, error) {
			r, err := s.deps.People.Merge(ctx, c.Actor, c.Idem, in.Body.domain(in.ID.V))
			return regroupingOut(r), err
		})
	register(s, op(Op{ID: "household-change-undo", Method: "POST", Path: "/household-changes/{id}/undo", Summary: "撤销一次分户或并户", Idempotent: true,
		Note: "人回到原来的户，积分原样退回。办理以后又有变动的不能撤销。"}),
		func(ctx context.Context, c *Call, in *struct {
			ByID
			Body UndoInput
		}) (HouseholdEvent, error) {
			ch, err := s.deps.People.UndoChange(ctx, c.Actor, c.Idem, in.ID.V, in.Body.Reason)
			return eventOut(ch), err
		})
	register(s, Op{ID: "household-changes", Method: "GET", Path: "/households/{id}/changes", Summary: "一户的分户、并户记录", Note: "新的在前。",
		Tag: tagPeople, Perm: auth.PeopleRead, Audience: Officers},
		func(ctx context.Context, c *Call, in *ByID) (HouseholdEvents, error) {
			list, err := s.deps.People.Changes(ctx, c.Actor, in.ID.V)
			return HouseholdEvents{mapped(list, eventOut)}, err
		})
}
