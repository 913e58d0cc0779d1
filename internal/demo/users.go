package demo

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"jishan/internal/auth"
	"jishan/internal/award"
	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/party"
	"jishan/internal/people"
	"jishan/internal/points"
	"jishan/internal/rule"
)

// Password is that of every account of the demo, PIN that of the house cards named in the guide.
const (
	Password = "xiangcun2026"
	PIN      = "7412"
)

// Guide is what a visitor of the demo needs to know; it is kept in the marker.
type Guide struct {
	Households  int
	People      int
	Members     int // of the party
	Awards      int
	Refused     int // by a cap or a rule of the village, as in life
	Reversals   int
	Redemptions int
	Refunds     int
	Pilot       id.ID // the village to begin with
	Try         Try
	Logins      []Login
	Homes       []Home
}

// Try is a rule that the first of Homes can be awarded by at once, and something to redeem for it.
type Try struct {
	Rule    id.ID
	Item    string
	Shop    string // log-in of its clerk
	Product id.ID
	Name    string
}

// Login is an account to try.
type Login struct {
	Role  string // 乡镇管理员
	Place string // where it works
	Kind  auth.Kind
	Login string
	Name  string
}

// Home is a household to be a villager of; its card has the PIN.
type Home struct {
	ID      id.ID
	Village string
	Code    string
	Head    string
}

// account makes a user and answers the actor that user is.
func (f *filler) account(ctx context.Context, kind auth.Kind, login, name, where string, role auth.Assignment) (auth.Actor, error) {
	u, _, err := f.w.Auth.CreateUser(ctx, system, auth.NewUser{Kind: kind, Login: login, Name: name, Password: Password, Roles: []auth.Assignment{role}})
	if err != nil {
		return auth.Actor{}, fmt.Errorf("making the account %s: %w", login, err)
	}
	f.guide.Logins = append(f.guide.Logins, Login{auth.RoleNames[role.Role], where, kind, login, name})
	g := auth.Grant{Role: role.Role, Region: role.Region, Regions: map[id.ID]struct{}{}, Merchant: role.Merchant, Branch: role.Branch}
	if role.Region != 0 {
		g.Regions[role.Region] = struct{}{}
	}
	return auth.Actor{UserID: u.ID, Kind: kind, Name: name, Grants: []auth.Grant{g}}, nil
}

// users makes one account of every role, village by village and shop by shop; those of branches are made with them.
func (f *filler) users(ctx context.Context) error {
	if _, err := f.account(ctx, auth.KindOfficer, "admin", "系统管理员", "全县", auth.Assignment{Role: auth.RoleAdmin}); err != nil {
		return err
	}
	if _, err := f.account(ctx, auth.KindOfficer, "zhen", "覃大庆", townshipName, auth.Assignment{Role: auth.RoleTownship, Region: f.township.ID}); err != nil {
		return err
	}
	if _, err := f.account(ctx, auth.KindOfficer, "jiandu", "尹正", townshipName, auth.Assignment{Role: auth.RoleSupervisor, Region: f.township.ID}); err != nil {
		return err
	}
	for _, p := range f.places {
		var err error
		if p.officer, err = f.account(ctx, auth.KindOfficer, "cun-"+p.Login, p.Officer, p.Name, auth.Assignment{Role: auth.RoleVillage, Region: p.Region.ID}); err != nil {
			return err
		}
		if _, err = f.account(ctx, auth.KindOfficer, "zhibu-"+p.Login, p.Secretary, p.Name, auth.Assignment{Role: auth.RoleSecretary, Region: p.Region.ID, Branch: p.branch}); err != nil {
			return err
		}
	}
	for _, m := range f.markets {
		if _, err := f.account(ctx, auth.KindMerchant, m.Login, m.Owner, m.Name, auth.Assignment{Role: auth.RoleOwner, Merchant: m.ID}); err != nil {
			return err
		}
		var err error
		if m.clerk, err = f.account(ctx, auth.KindMerchant, m.Login+"-dianyuan", m.Clerk, m.Name, auth.Assignment{Role: auth.RoleClerk, Merchant: m.ID}); err != nil {
			return err
		}
	}
	return nil
}

// classPlans are the township's, in points.
var classPlans = []struct {
	class      party.Class
	base, goal int64
}{{party.Cadre, 60, 130}, {party.Backbone, 60, 120}, {party.Ordinary, 60, 100}, {party.Away, 60, 80}, {party.Special, 60, 70}}

// party founds a branch in every village; every ninth household has a member. A few of the oldest are exempt.
func (f *filler) party(ctx context.Context) error {
	for _, c := range classPlans {
		if err := f.w.Party.SetClass(ctx, system, f.township.ID, party.ClassPlan{Class: c.class, Base: points.Whole(c.base), Goal: points.Whole(c.goal)}); err != nil {
			return fmt.Errorf("setting the goals of members: %w", err)
		}
	}
	err := f.w.Party.SetStandard(ctx, system, party.Standard{Township: f.township.ID, Excellent: points.Whole(90), Qualified: points.Whole(70), Basic: points.Whole(60),
		ScorePercent: 80, ReviewPercent: 20, ReviewFull: points.Whole(100), PublicityDays: 5})
	if err != nil {
		return fmt.Errorf("setting the standard of grades: %w", err)
	}
	for _, p := range f.places {
		b, err := f.w.Party.CreateBranch(ctx, system, p.Region.ID, p.Name+"党支部", p.Secretary)
		if err != nil {
			return fmt.Errorf("founding the branch of %s: %w", p.Name, err)
		}
		p.branch = b.ID
		for i := 4; i < len(p.Homes); i += 9 {
			class := party.Ordinary
			switch n := len(p.Members); {
			case n < 3:
				class = party.Cadre
			case n < 8:
				class = party.Backbone
			case n%6 == 0:
				class = party.Away
			}
			m, err := f.w.Party.AddMember(ctx, system, party.NewMember{Villager: p.Homes[i].People[0], Branch: b.ID, Class: class})
			if err != nil {
				return fmt.Errorf("entering a member of %s: %w", p.Name, err)
			}
			p.Members = append(p.Members, m.ID)
		}
		if _, err := f.w.Party.Exempt(ctx, system, party.NewExemption{Member: p.Members[len(p.Members)-1], Reason: party.OldAge, Note: "年满八十，行动不便", From: f.first}); err != nil {
			return fmt.Errorf("exempting a member of %s: %w", p.Name, err)
		}
		f.guide.Members += len(p.Members)
	}
	return nil
}

// homesInGuide is how many households of the pilot the guide names; of the other villages it names one each.
const homesInGuide = 3

// finish picks households to try, gives their cards a PIN, and adds up.
func (f *filler) finish(ctx context.Context) error {
	var picked []id.ID
	village := map[id.ID]string{}
	for i, p := range f.places {
		n := 1
		if i == 0 {
			n = homesInGuide
			f.guide.Pilot = p.Region.ID
		}
		for _, h := range p.richest(n) {
			if _, err := f.w.Redeem.SetPIN(ctx, p.officer, h, PIN); err != nil {
				return fmt.Errorf("setting a PIN in %s: %w", p.Name, err)
			}
			picked = append(picked, h)
			village[h] = p.Name
		}
		f.guide.Households += len(p.Homes)
		for _, h := range p.Homes {
			f.guide.People += len(h.People)
		}
	}
	if err := f.try(ctx, picked[0]); err != nil {
		return err
	}
	return f.w.DB.Read(ctx, func(tx db.Tx) error {
		houses, err := people.HouseholdsByID(tx, picked)
		if err != nil {
			return err
		}
		f.guide.Homes = nil
		for _, h := range picked {
			f.guide.Homes = append(f.guide.Homes, Home{h, village[h], people.FormatHouseCode(houses[h].Code), houses[h].HeadName})
		}
		return nil
	})
}

// try finds a rule for the guide: the first of the pilot's for households that gives points now, one without a cap if there is
// one, so that it can be tried again and again.
func (f *filler) try(ctx context.Context, household id.ID) error {
	p, m := f.places[0], f.markets[0]
	f.guide.Try.Shop, f.guide.Try.Product, f.guide.Try.Name = m.Login+"-dianyuan", m.Shelf[len(m.Shelf)/2].ID, m.Goods[len(m.Shelf)/2].Name
	rules := slices.Clone(p.choose.gains)
	slices.SortStableFunc(rules, func(a, b rule.Rule) int { return cmp.Compare(len(a.Spec.Caps), len(b.Spec.Caps)) })
	for _, r := range rules {
		if r.Subject != rule.Household || r.Spec.Shape != rule.Fixed {
			continue
		}
		out, err := f.w.Awards.Preview(ctx, p.officer, award.Order{Village: p.Region.ID, Grants: []award.Grant{{Rule: r.ID, Household: household}}})
		if err != nil {
			return fmt.Errorf("looking for a rule to try: %w", err)
		}
		if out[0].Failed == nil && out[0].Points > 0 {
			f.guide.Try.Rule, f.guide.Try.Item = r.ID, r.Item
			return nil
		}
	}
	return nil
}
