package people

import (
	"strings"

	"github.com/mozillazg/go-pinyin"
)

// surnames whose reading as a surname differs from the character's usual one; two-character surnames first.
var surnames = map[string]string{
	"单": "shan", "曾": "zeng", "仇": "qiu", "解": "xie", "查": "zha", "区": "ou", "朴": "piao", "任": "ren", "盖": "ge", "尉迟": "yu chi",
	"万俟": "mo qi", "乐": "yue", "覃": "qin", "翟": "zhai", "缪": "miao", "宓": "mi", "冼": "xian", "召": "shao", "黑": "he", "折": "she",
	"员": "yun", "长孙": "zhang sun", "繁": "po", "种": "chong", "秘": "bi", "逄": "pang", "祭": "zhai", "燕": "yan", "令狐": "ling hu",
}

// syllables are the readings of a name, one a character; other characters stand for themselves in lower case.
func syllables(name string) []string {
	var out []string
	runes := []rune(name)
	for n := min(2, len(runes)); n > 0; n-- {
		if p, ok := surnames[string(runes[:n])]; ok {
			out = append(out, strings.Fields(p)...)
			runes = runes[n:]
			break
		}
	}
	a := pinyin.NewArgs()
	for _, r := range runes {
		if p := pinyin.SinglePinyin(r, a); len(p) > 0 {
			out = append(out, strings.ReplaceAll(p[0], "ü", "v"))
		} else if r < 128 && (r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z') {
			out = append(out, strings.ToLower(string(r)))
		}
	}
	return out
}

// Pinyin is the whole reading without spaces: 张三 → zhangsan.
func Pinyin(name string) string { return clipASCII(strings.Join(syllables(name), ""), 128) }

func initials(name string) string {
	var b strings.Builder
	for _, s := range syllables(name) {
		b.WriteByte(s[0])
	}
	return clipASCII(b.String(), 32)
}

// Initials is the first letters of the reading: 张三 → zs.
func Initials(name string) string { return initials(name) }

func clipASCII(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}
