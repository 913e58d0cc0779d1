package people

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"jishan/internal/auth"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
)

// ErrSearch is a search that cannot be made.
var ErrSearch = errs.Define(errs.Invalid, "people.search", "查找的内容有误，请填姓名、拼音首字母、户码或手机尾号")

// Search narrows a list of households.
type Search struct {
	Village id.ID  // zero: everything in reach
	Group   id.ID  // zero: all
	Grid    id.ID  // zero: all
	Text    string // name, pinyin, initials, house code (at least its first half), mobile number or its last four digits
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
	text := strings.TrimSpace(q.Text)
	if utf8.RuneCountInString(text) > 40 || !utf8.ValidString(text) || len(q.After) > 16 || !isASCII(q.After) {
		return nil, ErrSearch.New()
	}
	if q.Village != 0 {
		err = actor.InRegion(auth.PeopleRead, q.Village)
	} else if !actor.Can(auth.PeopleRead) {
		err = errs.ErrForbidden.New()
	}
	if err != nil {
		return nil, err
	}
	err = s.db.Read(ctx, func(tx db.Tx) error {
		out = nil
		villages := []id.ID{q.Village}
		if q.Village == 0 {
			if villages, err = villagesInReach(tx, actor); err != nil || len(villages) == 0 {
				return err
			}
		}
		where, args := []string{"h.village_id IN ?", "h.code > ?"}, []any{villages, q.After}
		and := func(cond string, a ...any) { where, args = append(where, cond), append(args, a...) }
		if q.Group != 0 {
			and("h.group_id = ?", q.Group)
		}
		if q.Grid != 0 {
			and("h.id IN (SELECT g.household_id FROM grid_households g WHERE g.grid_id = ?)", q.Grid)
		}
		if !q.Moved {
			and("h.state = ?", HouseholdHere)
		}
		if text != "" {
			cond, a := s.matching(tx, text, villages)
			and(cond, a...)
		}
		var rows []householdRow
		sql := "SELECT " + prefixed("h.", householdColumns) + " FROM households h WHERE " + strings.Join(where, " AND ") + " ORDER BY h.code LIMIT ?"
		if err := tx.Raw(sql, append(args, q.Limit)...).Scan(&rows).Error; err != nil {
			return fmt.Errorf("searching households: %w", err)
		}
		out, err = found(tx, rows, text)
		return err
	})
	return out, err
}

// found names in each household the member who matched, where it was not the head.
func found(tx db.Tx, rows []householdRow, text string) ([]Found, error) {
	out := make([]Found, len(rows))
	ids := make([]id.ID, len(rows))
	for i, r := range rows {
		out[i].Household = r.household()
		ids[i] = r.ID
	}
	if text == "" {
		return out, nil
	}
	members, err := Members(tx, ids)
	if err != nil {
		return nil, err
	}
	for i := range out {
		var other string
		for _, m := range members[out[i].ID] {
			if !m.Here() || !m.matches(text) {
				continue
			}
			if m.ID == out[i].Head {
				other = ""
				break
			}
			if other == "" {
				other = m.Name
			}
		}
		out[i].Match = other
	}
	return out, nil
}

// villagesInReach are all villages in which the actor may read people. Naming them lets every search use an index that begins
// with the village.
func villagesInReach(tx db.Tx, actor auth.Actor) ([]id.ID, error) {
	reach, all := actor.Reach(auth.PeopleRead)
	in := make(map[id.ID]bool, len(reach))
	for _, r := range reach {
		in[r] = true
	}
	var rows []struct{ ID id.ID }
	if err := tx.Raw("SELECT id FROM regions WHERE kind = ?", Village).Scan(&rows).Error; err != nil {
		return nil, fmt.Errorf("listing the villages: %w", err)
	}
	var out []id.ID
	for _, r := range rows {
		if all || in[r.ID] {
			out = append(out, r.ID)
		}
	}
	return out, nil
}

func prefixed(p, columns string) string { return p + strings.ReplaceAll(columns, ", ", ", "+p) }

// escape makes text literal within LIKE … ESCAPE '!'.
var escape = strings.NewReplacer("!", "!!", "%", "!%", "_", "!_")

// matching is the condition that a household or one of its members matches the text. Beginnings are asked for as ranges, which
// use an index on every database; LIKE with a parameter does not on SQLite. Which index is said, as MySQL takes any that begins
// with the village, depending on its statistics. The two ranges are united in a table of their own, as MySQL asks a UNION
// within IN anew for each household.
func (s *Service) matching(tx db.Tx, text string, villages []id.ID) (string, []any) {
	if code, err := ParseHouseCode(text); err == nil {
		return "h.code = ?", []any{code}
	}
	people := func(index, cond string) string {
		return "SELECT v.household_id FROM villagers v" + tx.By(index) + " WHERE v.village_id IN ? AND v.state = 1 AND " + cond
	}
	typed := normal(text)
	if len(typed) == 4 && allDigits(typed) {
		return "h.id IN (" + people("villagers_tail", "v.phone_tail = ?") + ")", []any{villages, typed}
	}
	if phone, err := ParsePhone(typed); err == nil && phone != "" {
		return "h.id IN (" + people("villagers_phone", "v.phone_hash = ?") + ")", []any{villages, s.keyed("phone", phone)}
	}
	if !isASCII(typed) {
		return "h.id IN (" + people("villagers_name", "v.name LIKE ? ESCAPE '!'") + ")", []any{villages, "%" + escape.Replace(CleanName(text)) + "%"}
	}
	from := strings.ToLower(typed)
	to := from + "~" // behind every letter and digit
	cond := "h.id IN (SELECT m.household_id FROM (" + people("villagers_initials", "v.initials >= ? AND v.initials < ?") +
		" UNION " + people("villagers_pinyin", "v.pinyin >= ? AND v.pinyin < ?") + ") m)"
	args := []any{villages, from, to, villages, from, to}
	if len(typed) >= houseLen/2 && len(typed) < houseLen {
		code := strings.ToUpper(typed)
		cond = "(" + cond + " OR h.code >= ? AND h.code < ?)"
		args = append(args, code, code+"~")
	}
	return cond, args
}

// matches is matching in memory, for one person.
func (v Villager) matches(text string) bool {
	typed := normal(text)
	if !isASCII(typed) {
		return strings.Contains(v.Name, CleanName(text))
	}
	if allDigits(typed) && len(typed) >= 4 && v.PhoneTail == typed[len(typed)-4:] {
		return true
	}
	lower := strings.ToLower(typed)
	return strings.HasPrefix(v.Initials, lower) || strings.HasPrefix(v.Pinyin, lower)
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
