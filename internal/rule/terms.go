package rule

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"jishan/internal/audit"
	"jishan/internal/auth"
	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/points"
)

// ErrOwn is a village's supplement that its township's book does not allow.
var ErrOwn = errs.Define(errs.Refused, "rule.own", "自设条目超出了乡镇细则允许的范围")

// SetTerms says what the rules of a draft may give together, and what villages may add to it.
func (s *Service) SetTerms(ctx context.Context, actor auth.Actor, version id.ID, t Terms) (Version, error) {
	for i := range t.Limits {
		t.Limits[i].Category = oneLine(t.Limits[i].Category)
	}
	if err := t.Validate(); err != nil {
		return Version{}, err
	}
	var out Version
	err := s.db.Tx(ctx, func(tx db.Tx) error {
		b, v, err := lockDraft(tx, actor, version)
		if err != nil {
			return err
		}
		if err := b.mayHave(tx, t); err != nil {
			return err
		}
		if err := updateTerms(tx, v.ID, t); err != nil {
			return err
		}
		v.Terms = t
		out = v
		return audit.Write(tx, actor.Audit("rule.terms", "rule_version:"+v.ID.String(), b.Region, fmt.Sprintf("修改《%s》第 %d 版草稿的总上限：%s", b.Name, v.Number, t.Text())))
	})
	return out, err
}

// mayHave refuses to leave rules to villages in a book that is not a township's.
func (b Book) mayHave(tx db.Tx, t Terms) error {
	if t.Own.Rules == 0 {
		return nil
	}
	switch err := keepsBooks(tx, b.Region, true); {
	case err == nil:
		return ErrSpec.With("只有乡镇的细则能给村里留自设条目")
	case errors.Is(err, ErrBook):
		return nil
	default:
		return err
	}
}

// Text is the terms in words; 无 where there are none.
func (t Terms) Text() string {
	var out []string
	for _, l := range t.Limits {
		scope := l.Category
		if scope == "" {
			scope = "各类合计"
		}
		out = append(out, scope+FormatCaps([]Cap{l.Cap}))
	}
	if t.Own.Rules > 0 {
		out = append(out, "村自设条目"+t.Own.text())
	}
	if len(out) == 0 {
		return "无"
	}
	return strings.Join(out, "；")
}

// text is what a sheet writes, and parseOwn reads.
func (o Own) text() string {
	text := fmt.Sprintf("最多%d条", o.Rules)
	if o.Deducts > 0 {
		text = fmt.Sprintf("加分最多%d条；扣分最多%d条", o.Rules, o.Deducts)
	}
	if o.Points > 0 {
		text += "；每次最多" + o.Points.String() + "分"
	}
	return text
}

// checkOwn is nil where a supplement keeps within what the township's book in force on the day leaves to villages.
func checkOwn(tx db.Tx, b Book, v Version, from cal.Day) error {
	schedules, err := SchedulesOf(tx, []id.ID{b.Region})
	if err != nil {
		return err
	}
	var own Own
	for _, r := range schedules[b.Region].rows {
		if r.RegionID != b.Region && r.Asset == b.Asset && r.FromDay <= from && (r.ToDay == 0 || from <= r.ToDay) && r.terms.Own.Rules > own.Rules {
			own = r.terms.Own
		}
	}
	if own.Rules == 0 {
		return ErrOwn.With("乡镇在 %s 生效的细则没有给村里留自设条目", from)
	}
	rules, err := rulesOf(tx, v.ID)
	if err != nil {
		return err
	}
	takes := 0
	for _, r := range rules {
		if own.Deducts > 0 && r.Spec.Deducts() {
			takes++
		}
	}
	if gives := len(rules) - takes; gives > own.Rules || takes > own.Deducts {
		if own.Deducts > 0 {
			return ErrOwn.With("乡镇细则给村里留的自设条目，加分最多 %d 条、扣分最多 %d 条，现有加分 %d 条、扣分 %d 条", own.Rules, own.Deducts, gives, takes)
		}
		return ErrOwn.With("乡镇细则只给村里留 %d 条自设条目，现有 %d 条", own.Rules, gives)
	}
	e := ErrOwn.New()
	for _, r := range rules {
		if most, ok := r.Spec.most(); own.Points > 0 && (!ok || most > own.Points) {
			e.Fields = append(e.Fields, errs.Field{Path: r.Code, Text: fmt.Sprintf("「%s」一次可能超过 %s 分，请改小或加上“每次最多%s分”", cut(r.Item, 40), own.Points, own.Points)})
		}
	}
	if len(e.Fields) > 0 {
		e.Detail = fmt.Sprintf("乡镇细则规定村自设条目每次不超过 %s 分，有 %d 条超出", own.Points, len(e.Fields))
		return e
	}
	return nil
}

// most is the largest magnitude of one award; false where nothing bounds it.
func (s Spec) most() (points.Amount, bool) {
	most, bounded := s.Points.Abs(), true
	up := func(p points.Amount) { most = max(most, p.Abs()) }
	switch s.Shape {
	case Range:
		up(s.Max)
	case Levels:
		for _, l := range s.Levels {
			up(l.Points)
			up(l.Max)
		}
	case Escalate:
		for _, st := range s.Steps {
			up(st.Points)
		}
	case Double:
		most, bounded = s.Max.Abs(), s.Max != 0
	case Tiers:
		up(s.Tiers[len(s.Tiers)-1].Points)
	case Amount:
		last := s.Bands[len(s.Bands)-1]
		if bounded = last.Each == 0; bounded {
			for _, b := range s.Bands { // the most of a band is given just before the next
				up(s.worthOf(b.From))
				up(s.worthOf(max(0, b.From-1)))
			}
		}
	}
	for _, c := range s.Caps {
		if c.Points > 0 && (!bounded || c.Points < most) {
			most, bounded = c.Points, true
		}
	}
	return most, bounded
}
