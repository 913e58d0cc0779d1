package party

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"jishan/internal/audit"
	"jishan/internal/auth"
	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/people"
)

// What can be wrong with branches and members.
var (
	ErrBranch      = errs.Define(errs.Invalid, "party.branch", "支部填写有误，请按提示修改")
	ErrBranchTaken = errs.Define(errs.Conflict, "party.branch_taken", "本村已有同名的支部，请换一个名称")
	ErrBranchInUse = errs.Define(errs.Conflict, "party.branch_in_use", "支部里还有党员，请先把他们转到别的支部")
	ErrMember      = errs.Define(errs.Invalid, "party.member", "党员填写有误，请按提示修改")
	ErrMemberTaken = errs.Define(errs.Conflict, "party.member_taken", "这位村民已经是支部党员，不用重复登记")
)

// Class is what kind of member somebody is; base points and yearly goal go by it.
type Class uint8

// The classes.
const (
	Cadre    Class = 1
	Backbone Class = 2
	Ordinary Class = 3
	Away     Class = 4
	Special  Class = 5
)

// ClassNames are the classes as sheets and screens show them.
var ClassNames = map[Class]string{Cadre: "村干部", Backbone: "骨干党员", Ordinary: "普通党员", Away: "流动党员", Special: "特殊党员"}

// Branch is a party branch of a village.
type Branch struct {
	ID, Village id.ID
	Name        string
	Secretary   string
	Members     int // who have not left
}

// States of a member.
const (
	MemberHere = 1
	MemberLeft = 2
)

// Member is a villager's membership of a branch.
type Member struct {
	ID, Villager, Village, Branch id.ID
	Name, Initials                string
	Class                         Class
	Joined                        cal.Day // of the party; 0 unknown
	State                         int
}

// Active reports whether the member has not left the branch.
func (m Member) Active() bool { return m.State == MemberHere }

// Service is the party's books as officers and secretaries use them.
type Service struct {
	db     *db.DB
	people *people.Service // finds villagers by what only it can read
}

// New is the service on a database.
func New(d *db.DB, p *people.Service) *Service { return &Service{db: d, people: p} }

func oneLine(s string) string { return strings.Join(strings.Fields(strings.ToValidUTF8(s, "")), " ") }

func long(s string, n int) bool { return len([]rune(s)) > n }

// CreateBranch founds a branch. A secretary, whose reach is one branch, may not.
func (s *Service) CreateBranch(ctx context.Context, actor auth.Actor, village id.ID, name, secretary string) (Branch, error) {
	if err := actor.InBranch(auth.PartyWrite, village, 0); err != nil {
		return Branch{}, err
	}
	b := Branch{ID: id.New(), Village: village, Name: oneLine(name), Secretary: oneLine(secretary)}
	if err := b.check(); err != nil {
		return Branch{}, err
	}
	err := s.db.Tx(ctx, func(tx db.Tx) error {
		regions, err := people.RegionsByID(tx, []id.ID{village})
		if err != nil {
			return err
		}
		if regions[village].Kind != people.Village {
			return ErrBranch.With("支部要归一个村")
		}
		if err := insertBranch(tx, b); err != nil {
			return err
		}
		return audit.Write(tx, actor.Audit("party.branch.create", "party_branch:"+b.ID.String(), village, "新建支部「"+b.Name+"」"))
	})
	if err != nil {
		return Branch{}, err
	}
	return b, nil
}

func (b Branch) check() error {
	if b.Name == "" || long(b.Name, 64) || long(b.Secretary, 64) {
		return ErrBranch.With("支部名称要填写，名称和书记姓名都不超过 64 字")
	}
	return nil
}

// UpdateBranch renames a branch and its secretary.
func (s *Service) UpdateBranch(ctx context.Context, actor auth.Actor, branch id.ID, name, secretary string) (Branch, error) {
	var out Branch
	err := s.db.Tx(ctx, func(tx db.Tx) error {
		b, err := branchFor(tx, actor, auth.PartyWrite, branch)
		if err != nil {
			return err
		}
		b.Name, b.Secretary = oneLine(name), oneLine(secretary)
		if err := b.check(); err != nil {
			return err
		}
		if err := updateBranch(tx, b); err != nil {
			return err
		}
		out = b
		return audit.Write(tx, actor.Audit("party.branch.update", "party_branch:"+b.ID.String(), b.Village, "修改支部「"+b.Name+"」"))
	})
	return out, err
}

// DeleteBranch removes a branch that nobody was ever a member of, or whose members are all gone to other branches.
func (s *Service) DeleteBranch(ctx context.Context, actor auth.Actor, branch id.ID) error {
	return s.db.Tx(ctx, func(tx db.Tx) error {
		b, err := branchFor(tx, actor, auth.PartyWrite, branch)
		if err != nil {
			return err
		}
		if err := actor.InBranch(auth.PartyWrite, b.Village, 0); err != nil {
			return err
		}
		members, err := membersOf(tx, []id.ID{branch})
		if err != nil {
			return err
		}
		if len(members) > 0 {
			return ErrBranchInUse.New()
		}
		kept, err := scanEvaluations(tx, "e.branch_id = ?", branch)
		if err != nil {
			return err
		}
		if len(kept) > 0 {
			return ErrBranchInUse.With("「%s」有季度考核的记录，不能删除；可以改名", b.Name)
		}
		if err := tx.Exec("DELETE FROM party_branches WHERE id = ?", branch).Error; err != nil {
			return fmt.Errorf("deleting a branch: %w", err)
		}
		return audit.Write(tx, actor.Audit("party.branch.delete", "party_branch:"+branch.String(), b.Village, "删除支部「"+b.Name+"」"))
	})
}

// Branches are the village's branches that the actor may see, by name.
func (s *Service) Branches(ctx context.Context, actor auth.Actor, village id.ID) ([]Branch, error) {
	if err := actor.InRegion(auth.PartyRead, village); err != nil {
		return nil, err
	}
	var out []Branch
	err := s.db.Read(ctx, func(tx db.Tx) (err error) {
		out, err = visibleBranches(tx, actor, village)
		return err
	})
	return out, err
}

func visibleBranches(tx db.Tx, actor auth.Actor, village id.ID) ([]Branch, error) {
	all, err := countedBranches(tx, village)
	return slices.DeleteFunc(all, func(b Branch) bool { return actor.InBranch(auth.PartyRead, village, b.ID) != nil }), err
}

// branchFor finds a branch for which the actor holds the permission. Writing holds it until the end of the transaction.
func branchFor(tx db.Tx, actor auth.Actor, p auth.Permission, branch id.ID) (Branch, error) {
	cond := "b.id = ?"
	if p == auth.PartyWrite {
		cond += tx.ForUpdate()
	}
	found, err := scanBranches(tx, cond, branch)
	if err != nil {
		return Branch{}, err
	}
	if len(found) == 0 {
		if !actor.Can(p) {
			return Branch{}, errs.ErrForbidden.New()
		}
		return Branch{}, errs.ErrNotFound.New()
	}
	return found[0], actor.InBranch(p, found[0].Village, branch)
}

// MembersByID are the members that exist among ids, those who have left included.
func MembersByID(tx db.Tx, ids []id.ID) (map[id.ID]Member, error) {
	ids = slices.Clone(ids)
	slices.Sort(ids)
	ids = slices.Compact(ids)
	out := make(map[id.ID]Member, len(ids))
	for part := range slices.Chunk(ids, idChunk) {
		members, err := scanMembers(tx, "m.id IN ?", part)
		if err != nil {
			return nil, err
		}
		for _, m := range members {
			out[m.ID] = m
		}
	}
	return out, nil
}
