package party

import (
	"context"
	"fmt"
	"strings"

	"jishan/internal/audit"
	"jishan/internal/auth"
	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/people"
)

// NewMember is a villager who enters a branch.
type NewMember struct {
	Villager id.ID
	Branch   id.ID
	Class    Class
	Joined   cal.Day // of the party; 0 unknown
}

// AddMember enters a villager of the branch's village. One who has left a branch, of this village or of the one they lived in
// before, comes back under the same key, with the score of before.
func (s *Service) AddMember(ctx context.Context, actor auth.Actor, n NewMember) (Member, error) {
	var out Member
	err := s.db.Tx(ctx, func(tx db.Tx) error {
		b, err := branchFor(tx, actor, auth.PartyWrite, n.Branch)
		if err != nil {
			return err
		}
		villagers, err := people.HoldVillagers(tx, []id.ID{n.Villager})
		if err != nil {
			return err
		}
		v, ok := villagers[n.Villager]
		if !ok || v.Village != b.Village {
			return errs.ErrNotFound.New()
		}
		if !v.Here() {
			return ErrMember.With("%s已不在村里，不能登记", v.Name)
		}
		m, err := enter(tx, b, v, n.Class, n.Joined)
		if err != nil {
			return err
		}
		out = m
		return audit.Write(tx, actor.Audit("party.member.add", "party_member:"+m.ID.String(), b.Village, fmt.Sprintf("将%s登记到「%s」", m.Name, b.Name)))
	})
	return out, err
}

// enter writes a villager's membership, new or taken up again.
func enter(tx db.Tx, b Branch, v people.Villager, class Class, joined cal.Day) (Member, error) {
	m := Member{ID: id.New(), Villager: v.ID, Village: b.Village, Branch: b.ID, Name: v.Name, Initials: v.Initials, Class: class, Joined: joined, State: MemberHere}
	if err := m.check(tx); err != nil {
		return Member{}, err
	}
	before, err := scanMembers(tx, "m.villager_id = ?"+tx.ForUpdate(), v.ID)
	switch {
	case err != nil:
		return Member{}, err
	case len(before) == 0:
		return m, insertMembers(tx, []Member{m})
	case before[0].Active():
		return Member{}, ErrMemberTaken.New()
	}
	m.ID = before[0].ID
	return m, updateMember(tx, m)
}

func (m Member) check(tx db.Tx) error {
	switch {
	case ClassNames[m.Class] == "":
		return ErrMember.With("请选择党员类别")
	case m.Joined != 0 && (!m.Joined.Valid() || m.Joined > cal.DayOf(tx.Now)):
		return ErrMember.With("入党日期不对，请重新填写")
	case m.State != MemberHere && m.State != MemberLeft:
		return ErrMember.With("请选择党员状态")
	}
	return nil
}

// MemberChange is a member's record as it should be.
type MemberChange struct {
	Branch id.ID // of the same village; the actor needs to reach both
	Class  Class
	Joined cal.Day
	State  int
}

// UpdateMember changes a member's record and takes the name over from the villager's.
func (s *Service) UpdateMember(ctx context.Context, actor auth.Actor, member id.ID, c MemberChange) (Member, error) {
	var out Member
	err := s.db.Tx(ctx, func(tx db.Tx) error {
		m, err := memberFor(tx, actor, auth.PartyWrite, member)
		if err != nil {
			return err
		}
		if c.Branch != m.Branch {
			b, err := branchFor(tx, actor, auth.PartyWrite, c.Branch)
			if err != nil {
				return err
			}
			if b.Village != m.Village {
				return ErrMember.With("只能转到本村的支部")
			}
		}
		villagers, err := people.HoldVillagers(tx, []id.ID{m.Villager})
		if err != nil {
			return err
		}
		if v, ok := villagers[m.Villager]; ok {
			if v.Village != m.Village && c.State == MemberHere {
				return ErrMember.With("%s已迁到别的村，请由那个村的支部登记", v.Name)
			}
			m.Name, m.Initials = v.Name, v.Initials
		}
		m.Branch, m.Class, m.Joined, m.State = c.Branch, c.Class, c.Joined, c.State
		if err := m.check(tx); err != nil {
			return err
		}
		if err := updateMember(tx, m); err != nil {
			return err
		}
		out = m
		return audit.Write(tx, actor.Audit("party.member.update", "party_member:"+m.ID.String(), m.Village, "修改党员"+m.Name+"的登记"))
	})
	return out, err
}

// memberFor finds a member for whose branch the actor holds the permission. Writing holds the member until the end of the
// transaction.
func memberFor(tx db.Tx, actor auth.Actor, p auth.Permission, member id.ID) (Member, error) {
	cond := "m.id = ?"
	if p == auth.PartyWrite {
		cond += tx.ForUpdate()
	}
	found, err := scanMembers(tx, cond, member)
	if err != nil {
		return Member{}, err
	}
	if len(found) == 0 {
		if !actor.Can(p) {
			return Member{}, errs.ErrForbidden.New()
		}
		return Member{}, errs.ErrNotFound.New()
	}
	return found[0], actor.InBranch(p, found[0].Village, found[0].Branch)
}

// Member is one member.
func (s *Service) Member(ctx context.Context, actor auth.Actor, member id.ID) (Member, error) {
	var out Member
	err := s.db.Read(ctx, func(tx db.Tx) (err error) {
		out, err = memberFor(tx, actor, auth.PartyRead, member)
		return err
	})
	return out, err
}

// MemberQuery says which members of a village are wanted.
type MemberQuery struct {
	Village id.ID
	Branch  id.ID  // 0 all
	Text    string // part of the name, or the beginning of the initials
	Left    bool   // those who have left too
}

// Members are the members that the actor may see, branch by branch.
func (s *Service) Members(ctx context.Context, actor auth.Actor, q MemberQuery) ([]Member, error) {
	if err := actor.InRegion(auth.PartyRead, q.Village); err != nil {
		return nil, err
	}
	text := strings.ToLower(strings.TrimSpace(q.Text))
	var out []Member
	err := s.db.Read(ctx, func(tx db.Tx) error {
		branches, err := visibleBranches(tx, actor, q.Village)
		if err != nil {
			return err
		}
		out = nil
		for _, b := range branches {
			if q.Branch != 0 && b.ID != q.Branch {
				continue
			}
			members, err := membersOf(tx, []id.ID{b.ID})
			if err != nil {
				return err
			}
			for _, m := range members {
				if (m.Active() || q.Left) && (strings.Contains(strings.ToLower(m.Name), text) || strings.HasPrefix(m.Initials, text)) {
					out = append(out, m)
				}
			}
		}
		return nil
	})
	return out, err
}
