package obs

import (
	"encoding"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"unicode"
)

const hidden = "[已隐藏]"

// sensitiveWords make a key sensitive when they are one of its words: user_phone, PhoneNumber, cardPin, access-token.
var sensitiveWords = map[string]bool{
	"phone": true, "mobile": true, "tel": true, "password": true, "passwd": true, "pwd": true, "pin": true, "token": true,
	"secret": true, "authorization": true, "cookie": true, "pepper": true, "credential": true, "dsn": true,
}

// sensitiveParts make a key sensitive when they occur in it, words run together.
var sensitiveParts = []string{"idnumber", "idcard", "identitynumber", "identityno", "sessionkey", "身份证", "手机", "电话", "密码"}

// sensitiveKey reports whether the values under a key must not be logged.
func sensitiveKey(key string) bool {
	words := keyWords(key)
	for _, w := range words {
		if sensitiveWords[w] || sensitiveWords[strings.TrimSuffix(w, "s")] {
			return true
		}
	}
	joined := strings.Join(words, "")
	for _, p := range sensitiveParts {
		if strings.Contains(joined, p) {
			return true
		}
	}
	return false
}

// keyWords splits a key at punctuation and at humps, in lower case.
func keyWords(key string) []string {
	var out []string
	var word strings.Builder
	end := func() {
		if word.Len() > 0 {
			out = append(out, word.String())
			word.Reset()
		}
	}
	lower := false
	for _, r := range key {
		if !unicode.IsLetter(r) {
			end()
			lower = false
			continue
		}
		if unicode.IsUpper(r) && lower {
			end()
		}
		lower = unicode.IsLower(r)
		word.WriteRune(unicode.ToLower(r))
	}
	end()
	return out
}

// redactAttr is slog's ReplaceAttr; it sees the message as well.
func redactAttr(groups []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey || a.Key == slog.LevelKey {
		if len(groups) == 0 {
			return a
		}
	}
	for _, g := range groups {
		if sensitiveKey(g) {
			return slog.String(a.Key, hidden)
		}
	}
	if sensitiveKey(a.Key) {
		return slog.String(a.Key, hidden)
	}
	switch a.Value.Kind() {
	case slog.KindString:
		return slog.String(a.Key, Redact(a.Value.String()))
	case slog.KindAny:
		return slog.String(a.Key, Redact(text(a.Value.Any())))
	}
	return a
}

// text is how a value of any type is logged.
func text(v any) string {
	switch x := v.(type) {
	case error:
		return x.Error()
	case fmt.Stringer:
		return x.String()
	case encoding.TextMarshaler:
		if b, err := x.MarshalText(); err == nil {
			return string(b)
		}
	case []byte:
		return string(x)
	}
	return fmt.Sprintf("%+v", v)
}

// pairs are secrets that a text names: password=…, "access_token":"…", Phone:…, user:password@tcp(…), Bearer ….
var pairs = regexp.MustCompile(`(?i)((?:password|passwd|pwd|pin|token|secret|session_key|phone|mobile|id_number|idnumber|authorization)["']?\s*[=:]\s*["']?)(bearer\s+)?[^\s"'&,;{}\[\]()]+`)

var (
	bearer   = regexp.MustCompile(`(?i)\bbearer\s+[A-Za-z0-9._~+/=-]+`)
	jwt      = regexp.MustCompile(`\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*`)
	userinfo = regexp.MustCompile(`([A-Za-z0-9_.-]+:)[^\s:@/]+(@(?:tcp|unix)\()`)
	urlinfo  = regexp.MustCompile(`(://[^\s:@/]*:)[^\s@/]+@`)
	spaced   = regexp.MustCompile(`\b1[3-9]\d[ -]\d{4}[ -]\d{4}\b`)
)

// Redact removes from a text what must not be logged: mobile numbers, identity numbers, and secrets that the text names. Each expression
// is tried only where the text has a character that every match of it has: on most values of a request's line none is.
func Redact(s string) string {
	if strings.ContainsAny(s, "=:") {
		s = pairs.ReplaceAllString(s, "${1}"+hidden)
	}
	if strings.ContainsAny(s, " \t\n\f\r") {
		s = bearer.ReplaceAllString(s, hidden)
	}
	if strings.Contains(s, "eyJ") {
		s = jwt.ReplaceAllString(s, hidden)
	}
	if strings.Contains(s, "@") {
		s = userinfo.ReplaceAllString(s, "${1}"+hidden+"${2}")
		s = urlinfo.ReplaceAllString(s, "${1}"+hidden+"@")
	}
	if strings.ContainsAny(s, " -") {
		s = spaced.ReplaceAllString(s, "[手机号]")
	}
	return numbers(s)
}

// numbers replaces mobile and identity numbers. A longer run of digits is neither: our row keys have 18 or 19 digits, so a
// run of 18 counts only when a date of birth stands where an identity number has it.
func numbers(s string) string {
	var out strings.Builder
	kept := 0
	for i := 0; i < len(s); {
		if s[i] < '0' || s[i] > '9' {
			i++
			continue
		}
		j := i
		for j < len(s) && s[j] >= '0' && s[j] <= '9' {
			j++
		}
		run, mark := s[i:j], ""
		switch {
		case mobile(run), len(run) == 13 && run[:2] == "86" && mobile(run[2:]):
			mark = "[手机号]"
		case len(run) == 18 && birthday(run[6:14]):
			mark = "[身份证号]"
		case len(run) == 17 && j < len(s) && (s[j] == 'X' || s[j] == 'x') && birthday(run[6:14]):
			mark, j = "[身份证号]", j+1
		}
		if mark != "" {
			out.WriteString(s[kept:i])
			out.WriteString(mark)
			kept = j
		}
		i = j
	}
	if kept == 0 {
		return s
	}
	out.WriteString(s[kept:])
	return out.String()
}

func mobile(run string) bool { return len(run) == 11 && run[0] == '1' && run[1] >= '3' }

// birthday reports whether eight digits may be a date from 1850 to 2149. The check digit does not count: an identity number
// with a slip of the pen is still somebody's.
func birthday(s string) bool {
	y, m, d := s[:4], s[4:6], s[6:]
	return y >= "1850" && y < "2150" && m >= "01" && m <= "12" && d >= "01" && d <= "31"
}
