package party_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/idempotency"
	"jishan/internal/ledger"
	"jishan/internal/party"
	"jishan/internal/points"
)

// TestAnyOrderOfSteps drives an evaluation, and everything around it, in any order: steps are allowed exactly where they should be,
// and what is published or closed is not altered by anything.
func TestAnyOrderOfSteps(t *testing.T) {
	o := furnish(t)
	round, seen := 0, map[string]int{}
	rapid.Check(t, func(rt *rapid.T) {
		round++
		o.to(rt, "2026-09-28")
		var who []string
		for i := range 3 {
			who = append(who, fmt.Sprintf("党员%d-%d", round, i))
		}
		o.settle(who...)
		b := o.branch(fmt.Sprintf("第%d支部", round))
		var members []party.Member
		for _, n := range who {
			members = append(members, o.member(b, n, party.Ordinary))
		}
		run := &steps{office: o, rt: rt, branch: b, members: members, seen: seen}
		actions := map[string]func(*rapid.T){
			"": func(rt *rapid.T) { run.rt = rt; run.unaltered() }, "open": run.open, "report": run.report, "begin review": run.beginReview, "score": run.score, "score all": run.scoreAll,
			"publish": run.publish, "return": run.back, "close": run.close, "object": run.object,
			"meddle": run.meddle, "meddle more": run.meddle,
			"go on": run.goOn, "go on more": run.goOn, "go on still more": run.goOn,
			"days pass": func(rt *rapid.T) {
				o.clock.Add(time.Duration(rapid.IntRange(1, 3).Draw(rt, "days")) * 24 * time.Hour)
			},
		}
		rt.Repeat(actions)
		if testing.Short() { // fewer runs, so longer ones
			rt.Repeat(actions)
		}
	})
	// Or the whole would prove little.
	for _, what := range []string{"closed", "closed again", "sealed award", "sealed exemption", "sealed veto", "sealed reversal", "sealed class"} {
		require.NotZero(t, seen[what], "%s: %v", what, seen)
	}
}

// steps is the model: what should be possible now, and what must not change any more.
type steps struct {
	*office
	rt        *rapid.T
	branch    party.Branch
	members   []party.Member
	e         party.Evaluation
	state     party.State
	scored    map[id.ID]bool
	until     cal.Day
	upheld    bool
	published string
	booked    map[id.ID]points.Amount
	closedAt  string
	awards    []int64
	lifted    []id.ID
	seen      map[string]int
}

func (s *steps) today() cal.Day { return cal.DayOf(s.clock.Now()) }

func (s *steps) pick(rt *rapid.T) party.Member {
	return rapid.SampledFrom(s.members).Draw(rt, "member")
}

// allowed checks that a step succeeded exactly if it should have.
func (s *steps) allowed(rt *rapid.T, err error, want *errs.Code) bool {
	if want == nil {
		require.NoError(rt, err)
		return true
	}
	require.ErrorIs(rt, err, want)
	return false
}

// in is why nothing can be done in the present state, nil where it can.
func (s *steps) in(states ...party.State) *errs.Code {
	switch {
	case slices.Contains(states, s.state):
		return nil
	case s.state == 0:
		return errs.ErrNotFound
	case s.state == party.Closed:
		return party.ErrSealed
	}
	return party.ErrStage
}

func (s *steps) unaltered() {
	if s.published != "" {
		require.Equal(s.rt, s.published, s.table(s.rt, s.e.ID))
		require.Equal(s.rt, s.booked, s.scores(), "nothing is booked into the quarter either")
	}
}

// scores are what the ledger has of the members up to the quarter's end.
func (s *steps) scores() (out map[id.ID]points.Amount) {
	var ids []id.ID
	for _, m := range s.members {
		ids = append(ids, m.ID)
	}
	require.NoError(s.rt, s.d.Read(ctx, func(tx db.Tx) (err error) {
		out, err = ledger.Scores(tx, ledger.PartyScore, ids, 202601, 202609)
		return err
	}))
	return out
}

// goOn takes the next step that leads to the end.
func (s *steps) goOn(rt *rapid.T) {
	switch s.state {
	case 0:
		s.open(rt)
	case party.SelfReport:
		s.beginReview(rt)
	case party.Review:
		s.scoreAll(rt)
		if s.today() < 20261001 {
			s.to(rt, "2026-10-01")
		}
		s.publish(rt)
	case party.Publicity:
		if s.upheld {
			s.back(rt)
			return
		}
		if days := s.until.Sub(s.today()); days >= 0 {
			s.clock.Add(time.Duration(days+1) * 24 * time.Hour)
		}
		s.close(rt)
	case party.Closed:
		s.close(rt)
	}
}

func (s *steps) open(rt *rapid.T) {
	e, err := s.Open(ctx, s.officer, s.branch.ID, q3)
	if s.state != 0 {
		require.ErrorIs(rt, err, party.ErrOpened)
		return
	}
	require.NoError(rt, err)
	s.e, s.state, s.scored = e, party.SelfReport, map[id.ID]bool{}
}

func (s *steps) report(rt *rapid.T) {
	err := s.Report(ctx, s.officer, party.NewReport{Member: s.pick(rt).ID, Quarter: q3, Text: "自评", Score: points.Whole(90)})
	want := s.in(party.SelfReport)
	if s.state == 0 {
		want = party.ErrNotOpened
	}
	s.allowed(rt, err, want)
}

func (s *steps) beginReview(rt *rapid.T) {
	_, err := s.BeginReview(ctx, s.officer, s.e.ID)
	if s.allowed(rt, err, s.in(party.SelfReport)) {
		s.state = party.Review
	}
}

func (s *steps) score(rt *rapid.T) {
	m := s.pick(rt)
	err := s.review(s.e, map[party.Member]int64{m: rapid.Int64Range(0, 100).Draw(rt, "score")})
	if s.allowed(rt, err, s.in(party.Review)) {
		s.scored[m.ID] = true
	}
}

func (s *steps) scoreAll(rt *rapid.T) {
	all := map[party.Member]int64{}
	for i, m := range s.members {
		all[m] = int64(60 + 10*i)
	}
	if s.allowed(rt, s.review(s.e, all), s.in(party.Review)) {
		for _, m := range s.members {
			s.scored[m.ID] = true
		}
	}
}

func (s *steps) publish(rt *rapid.T) {
	want := s.in(party.Review)
	exempt := map[id.ID]bool{}
	if want == nil {
		st, err := s.Standing(ctx, s.officer, s.branch.ID, q3)
		require.NoError(rt, err)
		for _, p := range st.Exempt {
			exempt[p.Member.ID] = true
		}
		if s.today() <= 20260930 {
			want = party.ErrEarly
		} else if slices.ContainsFunc(s.members, func(m party.Member) bool { return !s.scored[m.ID] && !exempt[m.ID] }) {
			want = party.ErrUnscored
		}
	}
	e, err := s.Publish(ctx, s.officer, s.e.ID)
	if s.allowed(rt, err, want) {
		s.state, s.until, s.upheld = party.Publicity, s.today().Add(1), false
		require.Equal(rt, s.until, e.PublicUntil)
		s.published, s.booked = s.table(rt, s.e.ID), s.scores()
	}
}

func (s *steps) back(rt *rapid.T) {
	_, err := s.Return(ctx, s.officer, s.e.ID, "有误")
	if s.allowed(rt, err, s.in(party.Review, party.Publicity)) {
		s.state--
		s.published = ""
	}
}

func (s *steps) close(rt *rapid.T) {
	want := s.in(party.Publicity, party.Closed)
	if s.state == party.Publicity {
		if s.today() <= s.until {
			want = party.ErrEarly
		} else if s.upheld {
			want = party.ErrUnsettled
		}
	}
	e, err := s.Close(ctx, s.officer, s.e.ID)
	if s.allowed(rt, err, want) {
		s.state = party.Closed
		s.seen["closed"]++
		b, err := json.Marshal(e)
		require.NoError(rt, err)
		if s.closedAt != "" {
			require.Equal(rt, s.closedAt, string(b), "closing again answers the same")
			s.seen["closed again"]++
		}
		s.closedAt = string(b)
	}
}

func (s *steps) object(rt *rapid.T) {
	upheld := rapid.Bool().Draw(rt, "upheld")
	o, err := s.Object(ctx, s.officer, party.NewObjection{Evaluation: s.e.ID, Member: s.pick(rt).ID, RaisedBy: "群众", Text: "异议", Upheld: upheld, Finding: "已核实"},
		idempotency.Request{Key: id.New().String()})
	if s.allowed(rt, err, s.in(party.Publicity, party.Closed)) {
		require.Equal(rt, s.state == party.Closed, o.Late)
		require.Equal(rt, q3, o.Quarter)
		s.upheld = s.upheld || upheld && !o.Late
	}
}

// meddle does what might alter a result, some of it.
func (s *steps) meddle(rt *rapid.T) {
	for range 4 {
		s.meddleOnce(rt)
	}
}

// meddleOnce does one of these things. Where the quarter is sealed, what is about it is refused.
func (s *steps) meddleOnce(rt *rapid.T) {
	m := s.pick(rt)
	var refused *errs.Code
	sealed := func(what string) {
		if s.state.Sealed() {
			refused = party.ErrSealed
			s.seen["sealed "+what]++
		}
	}
	switch rapid.IntRange(0, 7).Draw(rt, "how") {
	case 0: // an award of the quarter, while its last month is open
		if s.today() < 20261029 {
			sealed("award")
			s.allowed(rt, s.grant(m, min(s.today(), 20260930)), refused)
		}
	case 1: // an award, and its reversal another day
		n, err := s.give(s.lesson, m, 0)
		require.NoError(rt, err)
		s.awards = append(s.awards, n)
	case 2:
		if len(s.awards) > 0 {
			sealed("reversal")
			require.NoError(rt, s.reverse(s.awards[0]))
			s.awards = s.awards[1:]
		}
	case 3:
		x, err := s.Exempt(ctx, s.officer, party.NewExemption{Member: m.ID, Reason: party.OldAge, From: 20260915})
		if err == nil {
			s.lifted = append(s.lifted, x.ID)
		}
		if err == nil || errs.From(err).Code != party.ErrExempt {
			sealed("exemption")
			s.allowed(rt, err, refused)
		}
	case 4:
		if len(s.lifted) > 0 {
			err := s.Revoke(ctx, s.officer, s.lifted[0], "不再免")
			if !s.state.Sealed() {
				require.NoError(rt, err)
				s.lifted = s.lifted[1:]
			}
		}
	case 5, 6: // a veto may be late, but not too late
		sealed("veto")
		n, err := s.give(s.veto, m, 20260801)
		if s.allowed(rt, err, refused) {
			s.awards = append(s.awards, n)
		}
	case 7: // never refused, and of no effect on what is sealed
		sealed("class")
		s.change(rt, m)
	}
}

// change alters what every standing is drawn up from.
func (s *steps) change(rt *rapid.T, m party.Member) {
	class := rapid.SampledFrom([]party.Class{party.Cadre, party.Ordinary}).Draw(rt, "class")
	_, err := s.UpdateMember(ctx, s.officer, m.ID, party.MemberChange{Branch: s.branch.ID, Class: class, State: party.MemberHere})
	require.NoError(rt, err)
	base := points.Amount(rapid.Int64Range(0, 9000).Draw(rt, "base"))
	require.NoError(rt, s.SetClass(ctx, s.town, s.township, party.ClassPlan{Class: party.Ordinary, Base: base, Goal: points.Whole(100)}))
	_, err = s.UpdateBranch(ctx, s.officer, s.branch.ID, s.branch.Name, rapid.SampledFrom([]string{"王", "李"}).Draw(rt, "secretary"))
	require.NoError(rt, err)
	require.NoError(rt, s.SetStandard(ctx, s.town, party.Standard{Township: s.township, Qualified: points.Amount(rapid.Int64Range(1, 9000).Draw(rt, "qualified")),
		ScorePercent: 80, ReviewPercent: 20, ReviewFull: points.Whole(100), PublicityDays: 2}))
}
