package rule

import (
	"slices"
	"strings"
	"unicode"

	"github.com/mozillazg/go-pinyin"
)

// Widths of the columns, in characters.
const (
	maxPinyin   = 600
	maxInitials = 300
)

// spell is a Chinese text as typed on a keyboard: in full and by initials. Letters and digits stand for themselves, the
// rest falls out.
func spell(text string) (full, initials string) {
	var f, i strings.Builder
	args := pinyin.NewArgs()
	for _, r := range text {
		switch {
		case r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r)):
			r = unicode.ToLower(r)
			f.WriteRune(r)
			i.WriteRune(r)
		case unicode.Is(unicode.Han, r):
			if p := pinyin.SinglePinyin(r, args); len(p) > 0 && p[0] != "" {
				f.WriteString(p[0])
				i.WriteByte(p[0][0])
			}
		}
	}
	full, initials = ascii(f.String()), ascii(i.String())
	return full[:min(len(full), maxPinyin)], initials[:min(len(initials), maxInitials)]
}

func ascii(s string) string {
	return strings.Map(func(r rune) rune {
		if r > unicode.MaxASCII {
			return -1
		}
		return r
	}, s)
}

// find picks and orders the rules that a query means. A village's book has some hundred rules at most, so they are matched
// here, every word of the text against each, and not in SQL.
func find(rules []Rule, q Query) []Rule {
	type hit struct {
		rule  Rule
		score int
	}
	words := strings.Fields(strings.ToLower(q.Text))
	var hits []hit
	for _, r := range rules {
		if q.Subject != 0 && r.Subject != q.Subject {
			continue
		}
		total, ok := 0, true
		for _, w := range words {
			n := r.matches(w)
			total += n
			ok = ok && n > 0
		}
		if ok {
			hits = append(hits, hit{r, total})
		}
	}
	slices.SortStableFunc(hits, func(a, b hit) int { return b.score - a.score })
	if q.Limit > 0 && len(hits) > q.Limit {
		hits = hits[:q.Limit]
	}
	out := make([]Rule, len(hits))
	for i, h := range hits {
		out[i] = h.rule
	}
	return out
}

// matches says how well a word fits the rule; 0 not at all.
func (r Rule) matches(word string) int {
	item, category := like(r.Item), like(r.Category)
	full, initials := r.pinyin, r.initials
	switch {
	case strings.EqualFold(r.Code, word):
		return 6
	case strings.HasPrefix(item, word), strings.HasPrefix(initials, word), strings.HasPrefix(full, word):
		return 5
	case strings.Contains(item, word):
		return 4
	case len(word) > 1 && strings.Contains(initials, word):
		return 3
	case strings.Contains(category, word):
		return 2
	case len(word) > 2 && strings.Contains(full, word):
		return 1
	}
	return 0
}
