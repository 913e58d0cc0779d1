package party

import (
	"context"
	"slices"

	"jishan/internal/auth"
	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/ledger"
	"jishan/internal/people"
	"jishan/internal/points"
)

// Card is a member's scheme year.
type Card struct {
	Branch     Branch
	SchemeYear int
	From, To   cal.Month // the whole scheme year
	Place      Place     // as of now, or of the year's end; its pace is that of the running quarter
	Months     []MonthScore
	Quarters   []QuarterCard
	Exemptions []Exemption // that touch the year and stand
	Vetoes     []Veto      // of the year, and standing
}

// MonthScore is what a member got in a month.
type MonthScore struct {
	Month  cal.Month
	Points points.Amount
}

// QuarterCard is one quarter of a Card.
type QuarterCard struct {
	Quarter    cal.Quarter
	State      State  // 0 while no evaluation has been opened
	Branch     Branch // where the member was evaluated
	Place      Place
	Of         int         // how many were ranked
	Amendments []Objection // to the member's result, of this quarter
}

// Card is a member's scheme year; year 0 is the running one.
func (s *Service) Card(ctx context.Context, actor auth.Actor, member id.ID, year int) (out Card, err error) {
	err = s.db.Read(ctx, func(tx db.Tx) error {
		m, err := memberFor(tx, actor, auth.PartyRead, member)
		if err != nil {
			return err
		}
		out, err = card(tx, m, year)
		return err
	})
	return out, err
}

func card(tx db.Tx, m Member, year int) (Card, error) {
	settings, err := people.SettingsOf(tx, m.Village)
	if err != nil {
		return Card{}, err
	}
	start, now := settings[m.Village].SchemeStart, cal.MonthOf(tx.Now)
	if year == 0 {
		year = now.SchemeYear(start)
	}
	c := Card{SchemeYear: year}
	if c.From, c.To = (cal.Period{Kind: cal.ByScheme, N: int32(year)}).Months(start); year < 1901 || year > 9000 || c.From > now {
		return Card{}, ErrQuarter.With("这个积分年度还没有开始")
	}
	branches, err := scanBranches(tx, "b.id = ?", m.Branch)
	if err != nil || len(branches) == 0 {
		return Card{}, err
	}
	c.Branch = branches[0]
	if err := c.sums(tx, m, min(now, c.To)); err != nil {
		return Card{}, err
	}
	for month := c.From; month <= min(now, c.To); month = month.Add(1) {
		got, err := ledger.Scores(tx, ledger.PartyScore, []id.ID{m.ID}, month, month)
		if err != nil {
			return Card{}, err
		}
		c.Months = append(c.Months, MonthScore{month, got[m.ID]})
		if first, _ := month.Quarter().Months(); first == month {
			q, ok, err := quarterCard(tx, m, month.Quarter())
			if err != nil {
				return Card{}, err
			}
			if ok {
				c.Quarters = append(c.Quarters, q)
			}
		}
	}
	return c, c.records(tx, m)
}

// sums is the year as far as it has come.
func (c *Card) sums(tx db.Tx, m Member, last cal.Month) error {
	regions, err := people.RegionsByID(tx, []id.ID{m.Village})
	if err != nil {
		return err
	}
	plans, err := plansOf(tx, regions[m.Village].Township)
	if err != nil {
		return err
	}
	first, quarterEnd := last.Quarter().Months()
	awarded, err := ledger.Scores(tx, ledger.PartyScore, []id.ID{m.ID}, c.From, last)
	if err != nil {
		return err
	}
	earned, err := ledger.Scores(tx, ledger.PartyScore, []id.ID{m.ID}, max(first, c.From), last)
	if err != nil {
		return err
	}
	c.Place = place(m, plans[m.Class], awarded[m.ID], earned[m.ID], elapsed(c.From, min(quarterEnd, c.To)))
	return nil
}

func (c *Card) records(tx db.Tx, m Member) error {
	exempt, err := scanExemptions(tx, "e.member_id = ? AND e.revoked_at = 0 AND e.from_day <= ? AND (e.to_day = 0 OR e.to_day >= ?) ORDER BY e.from_day, e.id",
		m.ID, c.To.Last(), c.From.First())
	if err != nil {
		return err
	}
	c.Exemptions = exempt
	vetoes, err := vetoesOf(tx, []id.ID{m.ID}, c.From.First(), c.To.Last())
	c.Vetoes = vetoes[m.ID]
	return err
}

// quarterCard is how the member stood in a quarter: with the branch that evaluated the member, else with the present one.
func quarterCard(tx db.Tx, m Member, q cal.Quarter) (out QuarterCard, ok bool, err error) {
	branch, village := m.Branch, m.Village
	results, err := scanResults(tx, "member_id = ? AND quarter = ?", m.ID, q)
	if err != nil {
		return out, false, err
	}
	if len(results) > 0 {
		evaluations, err := scanEvaluations(tx, "e.id = ?", results[0].EvaluationID)
		if err != nil {
			return out, false, err
		}
		branch, village = evaluations[0].Branch, evaluations[0].Village
	}
	branches, err := scanBranches(tx, "b.id = ?", branch)
	if err != nil {
		return out, false, err
	}
	tables, err := drawUp(tx, village, branches, q)
	if err != nil || len(tables) == 0 {
		return out, false, err
	}
	t := tables[0]
	out = QuarterCard{Quarter: q, Branch: t.Branch, Of: len(t.Ranked)}
	if t.Evaluation != nil {
		out.State = t.Evaluation.State
	}
	for _, p := range slices.Concat(t.Ranked, t.Exempt) {
		if p.Member.ID == m.ID {
			out.Place, ok = p, true
		}
	}
	for _, o := range t.Objections {
		if o.Late && o.Member == m.ID {
			out.Amendments = append(out.Amendments, o)
		}
	}
	return out, ok, nil
}
