package xlsx

import (
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/width"

	"jishan/internal/cal"
)

// clean trims blanks of every kind, those without width included, and makes line ends \n. Bytes that are no UTF-8 go.
func clean(s string) string {
	s = strings.ToValidUTF8(s, "")
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\r', r == '\u200b', r == '\u200c', r == '\u200d', r == '\ufeff':
			return -1
		case r < ' ' && r != '\n' && r != '\t':
			return -1
		}
		return r
	}, s)
	return strings.TrimFunc(s, unicode.IsSpace)
}

// Fold makes full-width letters, digits and signs ASCII and removes all blanks: "１３８ 0013　8000" → "13800138000".
func Fold(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, width.Fold.String(clean(s)))
}

// ParseDecimal makes an optional sign, digits with or without thousands separators, and a fraction into a plain decimal, with
// "." and without "+", as decimal.Parse wants it. It does not limit the places.
func ParseDecimal(s string) (string, bool) {
	s = strings.ReplaceAll(Fold(s), "−", "-")
	sign := ""
	switch {
	case strings.HasPrefix(s, "-"):
		sign, s = "-", s[1:]
	case strings.HasPrefix(s, "+"):
		s = s[1:]
	}
	whole, frac, dot := strings.Cut(s, ".")
	if strings.Contains(whole, ",") {
		groups := strings.Split(whole, ",")
		for i, g := range groups {
			if i > 0 && len(g) != 3 || i == 0 && (len(g) == 0 || len(g) > 3) {
				return "", false
			}
		}
		whole = strings.Join(groups, "")
	}
	if !digits(whole) || dot && !digits(frac) {
		return "", false
	}
	if dot {
		whole += "." + frac
	}
	return sign + whole, true
}

// ParseDay reads 2024-1-5, 2024/1/5, 2024.1.5, 2024年1月5日 (or 号) and 20240105, each with an optional time of day, and serial
// numbers of the 1900 system.
func ParseDay(s string) (cal.Day, bool) {
	s = width.Fold.String(clean(s))
	if i := strings.IndexAny(s, " T\t"); i > 0 && strings.Contains(s[i:], ":") {
		s = s[:i]
	}
	s = Fold(s)
	if digits(s) {
		n, err := strconv.Atoi(s)
		if err != nil {
			return 0, false
		}
		if len(s) == 8 {
			d := cal.Day(n)
			return d, d.Valid()
		}
		t, ok := (&workbook{}).serial(float64(n))
		if !ok || len(s) > 6 {
			return 0, false
		}
		d := cal.Day(t.Year()*10000 + int(t.Month())*100 + t.Day())
		return d, d.Valid()
	}
	s = strings.NewReplacer("年", "-", "月", "-", "日", "", "号", "", "/", "-", ".", "-").Replace(s)
	part := strings.Split(s, "-")
	if len(part) != 3 || len(part[0]) != 4 {
		return 0, false
	}
	d := cal.Day(0)
	for i, p := range part {
		if !digits(p) || i > 0 && len(p) > 2 {
			return 0, false
		}
		n, err := strconv.Atoi(p)
		if err != nil {
			return 0, false
		}
		if i > 0 {
			d *= 100
		}
		d += cal.Day(n)
	}
	return d, d.Valid()
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
