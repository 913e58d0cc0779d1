package people

import (
	"strings"
	"unicode"

	"github.com/mozillazg/go-pinyin"
)

// surnames whose reading as a surname differs from what the dictionary gives first for the character. Two-character surnames are
// looked up before single characters.
var surnames = map[string]string{
	"万俟": "mo qi", "尉迟": "yu chi", "单于": "chan yu", "澹台": "tan tai", "长孙": "zhang sun", "呼延": "hu yan",
	"乐": "yue", "乜": "nie", "仇": "qiu", "佴": "nai", "便": "pian", "员": "yun", "冼": "xian", "单": "shan", "卜": "bu", "区": "ou",
	"召": "shao", "句": "gou", "任": "ren", "曾": "zeng", "朴": "piao", "查": "zha", "洗": "xian", "盖": "ge", "秘": "bi", "种": "chong",
	"折": "she", "祭": "zhai", "繁": "po", "缪": "miao", "翟": "zhai", "能": "nai", "薄": "bo", "藏": "zang", "覃": "qin", "解": "xie",
	"适": "kuo", "逄": "pang", "郇": "xun", "都": "du", "阚": "kan", "隗": "wei", "黑": "he", "么": "yao",
}

// usual readings, where the dictionary gives a rarer one first: in given names and in the names of places.
var usual = map[rune]string{'长': "chang", '重': "chong", '都': "du", '曾': "zeng", '盖': "gai", '么': "me"}

// syllables are the readings of a name, one a character, a person's with the surname in front; Latin letters and digits stand for themselves in lower case, and
// everything else is left out. Only a–z and 0–9 come out: the columns are ASCII.
func syllables(name string, person bool) []string {
	runes := []rune(name)
	out := make([]string, 0, len(runes))
	for n := min(2, len(runes)); person && n > 0; n-- {
		if p, ok := surnames[string(runes[:n])]; ok && (n == 1 || len(runes) > 2) {
			out = append(out, strings.Fields(p)...)
			runes = runes[n:]
			break
		}
	}
	args := pinyin.NewArgs()
	for _, r := range runes {
		reading := string(unicode.ToLower(r))
		if p, ok := usual[r]; ok {
			reading = p
		} else if p := pinyin.SinglePinyin(r, args); len(p) > 0 {
			reading = strings.ReplaceAll(p[0], "ü", "v")
		}
		if reading = plainASCII(reading); reading != "" {
			out = append(out, reading)
		}
	}
	return out
}

func plainASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
}

// Pinyin is the whole reading of a person's name without spaces: 张三 → zhangsan.
func Pinyin(name string) string {
	p, _ := readings(syllables(name, true))
	return p
}

// Initials are the first letters of the reading of a person's name: 张三 → zs.
func Initials(name string) string {
	_, i := readings(syllables(name, true))
	return i
}

// placeInitials are the first letters of a place's name.
func placeInitials(name string) string {
	_, i := readings(syllables(name, false))
	return clip(i, 64)
}

// readings are the whole reading and the first letters, cut to their columns.
func readings(s []string) (whole, first string) {
	b := make([]byte, len(s))
	for i, p := range s {
		b[i] = p[0]
	}
	return clip(strings.Join(s, ""), 128), clip(string(b), 32)
}

func clip(s string, n int) string { return s[:min(n, len(s))] }

// dots are the ways to write the dot between the parts of a name.
var dots = strings.NewReplacer("•", "·", "・", "·", "．", "·", "‧", "·", "∙", "·", "●", "·")

// CleanName makes a name as rosters write it ("张　三", "阿依古丽•买买提") comparable: no blanks within Chinese names, one dot,
// half-width Latin letters.
func CleanName(s string) string {
	s = dots.Replace(s)
	latin := !strings.ContainsFunc(s, func(r rune) bool { return r > 0x2E7F && !(r >= '！' && r <= '～') && r != '　' })
	var b strings.Builder
	for _, r := range s {
		if r >= '！' && r <= '～' {
			r -= '！' - '!'
		}
		switch {
		case unicode.IsSpace(r):
			if latin {
				b.WriteByte(' ')
			}
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r):
		default:
			b.WriteRune(r)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}
