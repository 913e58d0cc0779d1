package people

import (
	"context"
	"fmt"
	"strings"

	"jishan/internal/auth"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
)

// Search narrows a list of households.
type Search struct {
	Village id.ID  // zero: everything in reach
	Group   id.ID  // zero: all
	Text    string // name, pinyin, initials, house code or the last four digits of a telephone number
	Moved   bool   // include households that have moved away
	After   string // house code after which to go on; "" from the beginning
	Limit   int    // 1–200, 0 is 50
}

// Found is a household in a list, with the member whose name or number matched, if it was not the head.
type Found struct {
	Household
	Match string
}

// Households lists households in order of house code.
func (s *Service) Households(ctx context.Context, actor auth.Actor, q Search) (out []Found, err error) {
	if q.Limit < 1 || q.Limit > 200 {
		q.Limit = 50
	}
	where, args := []string{"h.code > ?"}, []any{q.After}
	and := func(cond string, a ...any) {
		where = append(where, cond)
		args = append(args, a...)
	}
	if q.Village != 0 {
		if err := actor.InRegion(auth.PeopleRead, q.Village); err != nil {
			return nil, err
		}
		and("h.village_id = ?", q.Village)
	} else if reach, all := actor.Reach(auth.PeopleRead); !all {
		if len(reach) == 0 {
			return nil, errs.ErrForbidden.New()
		}
		and("h.village_id IN ?", reach)
	}
	if q.Group != 0 {
		and("h.group_id = ?", q.Group)
	}
	if !q.Moved {
		and("h.state = ?", HouseholdHere)
	}
	text := strings.TrimSpace(q.Text)
	if text != "" {
		cond, a := matching(text)
		and(cond, a...)
	}
	sql := "SELECT " + prefixed("h.", householdColumns) + " FROM households h WHERE " + strings.Join(where, " AND ") + " ORDER BY h.code LIMIT ?"
	args = append(args, q.Limit)
	err = s.db.Read(ctx, func(tx db.Tx) error {
		var rows []householdRow
		if err := tx.Raw(sql, args...).Scan(&rows).Error; err != nil {
			return fmt.Errorf("searching households: %w", err)
		}
		out = make([]Found, len(rows))
		ids := make([]id.ID, len(rows))
		for i, r := range rows {
			out[i].Household = r.household()
			ids[i] = r.ID
		}
		if text == "" {
			return nil
		}
		members, err := Members(tx, ids)
		if err != nil {
			return err
		}
		for i := range out {
			for _, m := range members[out[i].ID] {
				if m.ID != out[i].Head && m.matches(text) {
					out[i].Match = m.Name
					break
				}
			}
		}
		return nil
	})
	return out, err
}

func prefixed(p, columns string) string { return p + strings.ReplaceAll(columns, ", ", ", "+p) }

// escape makes text literal within LIKE … ESCAPE '!'.
var escape = strings.NewReplacer("!", "!!", "%", "!%", "_", "!_")

// matching is the condition that a household or one of its members matches the text.
func matching(text string) (string, []any) {
	if code, err := ParseHouseCode(text); err == nil {
		return "h.code = ?", []any{code}
	}
	member := func(cond string, a any) (string, []any) {
		return "h.id IN (SELECT v.household_id FROM villagers v WHERE v.state = 1 AND " + cond + ")", []any{a}
	}
	switch lower := strings.ToLower(text); {
	case len(text) == 4 && allDigits(text):
		return member("v.phone_tail = ?", text)
	case isASCII(text):
		like := escape.Replace(lower) + "%"
		return "h.id IN (SELECT v.household_id FROM villagers v WHERE v.state = 1 AND (v.initials LIKE ? ESCAPE '!' OR v.pinyin LIKE ? ESCAPE '!'))",
			[]any{like, like}
	default:
		return member("v.name LIKE ? ESCAPE '!'", "%"+escape.Replace(text)+"%")
	}
}

func (v Villager) matches(text string) bool {
	lower := strings.ToLower(text)
	return strings.Contains(v.Name, text) || isASCII(text) && (strings.HasPrefix(v.Initials, lower) || strings.HasPrefix(v.Pinyin, lower)) || v.PhoneTail == text
}

func allDigits(s string) bool {
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

func isASCII(s string) bool {
	for _, c := range []byte(s) {
		if c > 127 {
			return false
		}
	}
	return true
}
