package auth

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/alexedwards/argon2id"
	"golang.org/x/text/unicode/norm"

	"jishan/internal/heap"
)

// OWASP's second argon2id setting: 19 MiB, two passes, one lane. With hashesAtOnce it bounds what a crowd at the log-in costs.
var argonParams = &argon2id.Params{Memory: 19 * 1024, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}

// dummyHash costs as much to compare with as a real one and equals nothing: the work for an unknown account.
var dummyHash = fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s", argonParams.Memory, argonParams.Iterations, argonParams.Parallelism,
	strings.Repeat("A", 22), strings.Repeat("A", 43))

const (
	hashesAtOnce = 2
	hashPatience = 10 * time.Second
	minPassword  = 8
	maxPassword  = 64
)

// hasher computes at most hashesAtOnce password hashes at a time.
type hasher struct {
	slots   chan struct{}
	compare func(password, hash string) (bool, error) // argon2id.ComparePasswordAndHash, or that and a test's count of its calls
}

func newHasher() hasher {
	return hasher{slots: make(chan struct{}, hashesAtOnce), compare: argon2id.ComparePasswordAndHash}
}

func (h hasher) enter(ctx context.Context) error {
	wait := time.NewTimer(hashPatience)
	defer wait.Stop()
	select {
	case h.slots <- struct{}{}:
		return nil
	case <-wait.C:
		return ErrBusy.New().After(hashPatience)
	case <-ctx.Done():
		return fmt.Errorf("waiting to check a password: %w", ctx.Err())
	}
}

func (h hasher) leave() { <-h.slots }

func (h hasher) hash(ctx context.Context, password string) (string, error) {
	if err := h.enter(ctx); err != nil {
		return "", err
	}
	defer h.leave()
	defer heap.Thrifty()() // or the 19 MiB of several log-ins, one after the other, would wait to be collected
	out, err := argon2id.CreateHash(norm.NFKC.String(password), argonParams)
	if err != nil {
		return "", fmt.Errorf("hashing a password: %w", err)
	}
	return out, nil
}

// matches compares; an empty hash (no such account) takes as long and matches nothing.
func (h hasher) matches(ctx context.Context, password, hash string) (bool, error) {
	if err := h.enter(ctx); err != nil {
		return false, err
	}
	defer h.leave()
	defer heap.Thrifty()()
	known := hash != ""
	if !known {
		hash = dummyHash
	}
	if len(password) > maxPassword*utf8.UTFMax {
		password, known = "", false
	}
	ok, err := h.compare(norm.NFKC.String(password), hash)
	if err != nil {
		return false, fmt.Errorf("comparing a password: %w", err)
	}
	return ok && known, nil
}

// common are the passwords people choose first that the other rules let through.
var common = []string{
	"password", "passw0rd", "admin", "administrator", "abc", "abcd", "abcde", "abcdef", "abcdefg", "qwe", "qwer", "qwert", "qwerty",
	"a", "aa", "aaa", "woaini", "jishan", "jifen", "cunwei", "test", "welcome", "iloveyou", "asdf", "zxcv", "zxcvbn", "qaz", "wsx",
}

// checkPassword says in plain Chinese what is wrong with a new password. login may be empty.
func checkPassword(password, login string) error {
	if !utf8.ValidString(password) {
		return ErrPassword.With("密码里有无法识别的字符，请重新输入")
	}
	password = norm.NFKC.String(password)
	n := utf8.RuneCountInString(password)
	var letters, digits int
	distinct := map[rune]struct{}{}
	for _, r := range password {
		if unicode.IsControl(r) {
			return ErrPassword.With("密码里不能有换行等控制字符")
		}
		if unicode.IsDigit(r) {
			digits++
		} else if unicode.IsLetter(r) {
			letters++
		}
		distinct[r] = struct{}{}
	}
	lower := strings.ToLower(password)
	word := strings.TrimRight(lower, "0123456789!@#.*")
	switch {
	case n < minPassword:
		return ErrPassword.With("密码太短：至少 %d 位", minPassword)
	case n > maxPassword:
		return ErrPassword.With("密码太长：最多 %d 位", maxPassword)
	case letters == 0 || digits == 0:
		return ErrPassword.With("密码要同时有字母和数字")
	case len(distinct) < 4:
		return ErrPassword.With("密码里重复的字符太多，请换一个")
	case len(login) >= 3 && strings.Contains(lower, login):
		return ErrPassword.With("密码里不能包含登录名")
	}
	for _, c := range common {
		if word == c {
			return ErrPassword.With("这个密码太常见，容易被猜到，请换一个")
		}
	}
	return nil
}

// initialPassword is easy to read out over the telephone: letters and digits that cannot be mistaken, 48 bits, to be changed at
// the first log-in.
func initialPassword() string {
	const letters, digits = "abcdefghjkmnpqrstuvwxyz", "23456789"
	var b strings.Builder
	for i := range 14 {
		from := letters
		switch {
		case i == 4 || i == 9:
			b.WriteByte('-')
			continue
		case i >= 10:
			from = digits
		}
		b.WriteByte(from[pick(len(from))])
	}
	return b.String()
}

// pick is an even choice below n, at most 256.
func pick(n int) int {
	var b [1]byte
	for {
		_, _ = rand.Read(b[:]) // never fails since Go 1.24
		if v := int(b[0]); v < 256/n*n {
			return v % n
		}
	}
}
