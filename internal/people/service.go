package people

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"strings"

	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/errs"
)

// Service answers for people within an actor's reach.
type Service struct {
	db   *db.DB
	seal cipher.AEAD
	hash []byte

	imports *imports
}

// ErrPhone is a telephone number that cannot be one.
var ErrPhone = errs.Define(errs.Invalid, "person.phone", "手机号码不对，请填 11 位手机号")

// ErrIDNumber is an identity number whose check digit or birth date is wrong.
var ErrIDNumber = errs.Define(errs.Invalid, "person.idno", "身份证号码不对，请核对 18 位号码")

// NewService makes the service; Close ends its imports in the background. It derives its keys from secret (at least 32 bytes): one to encrypt telephone numbers, one to find numbers by hash.
func NewService(d *db.DB, secret []byte) (*Service, error) {
	if len(secret) < 32 {
		return nil, fmt.Errorf("the secret for telephone numbers has %d bytes, at least 32 are needed", len(secret))
	}
	key := func(info string) ([]byte, error) { return hkdf.Key(sha256.New, secret, nil, info, 32) }
	sealKey, err := key("jishan people phone")
	if err != nil {
		return nil, fmt.Errorf("deriving the key for telephone numbers: %w", err)
	}
	hashKey, err := key("jishan people hash")
	if err != nil {
		return nil, fmt.Errorf("deriving the key for hashes: %w", err)
	}
	block, err := aes.NewCipher(sealKey)
	if err != nil {
		return nil, fmt.Errorf("preparing encryption: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("preparing encryption: %w", err)
	}
	return &Service{db: d, seal: aead, hash: hashKey, imports: newImports()}, nil
}

// keyed is the hash by which a number is found; kind keeps telephone and identity numbers apart.
func (s *Service) keyed(kind, number string) []byte {
	m := hmac.New(sha256.New, s.hash)
	m.Write([]byte(kind + "\x00" + number))
	return m.Sum(nil)
}

// sealPhone encrypts a number for its row.
func (s *Service) sealPhone(phone string) []byte {
	nonce := make([]byte, s.seal.NonceSize())
	_, _ = rand.Read(nonce)
	return s.seal.Seal(nonce, nonce, []byte(phone), nil)
}

func (s *Service) openPhone(sealed []byte) (string, error) {
	n := s.seal.NonceSize()
	if len(sealed) < n {
		return "", nil
	}
	b, err := s.seal.Open(nil, sealed[:n], sealed[n:], nil)
	if err != nil {
		return "", fmt.Errorf("opening a telephone number: %w", err)
	}
	return string(b), nil
}

// normal makes full-width digits half-width and drops spaces and dashes.
func normal(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r >= '！' && r <= '～' {
			r -= '！' - '!'
		}
		if r != ' ' && r != '-' && r != '　' && r != '\t' {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// ParsePhone reads a mainland mobile number; "" stays "".
func ParsePhone(s string) (string, error) {
	s = strings.TrimPrefix(normal(s), "+86")
	if s == "" {
		return "", nil
	}
	if len(s) != 11 || s[0] != '1' || s[1] < '3' {
		return "", ErrPhone.New()
	}
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return "", ErrPhone.New()
		}
	}
	return s, nil
}

// ParseIDNumber reads an 18-character identity number and checks its check digit (GB 11643-1999, ISO 7064 MOD 11-2) and birthday; "" stays "".
// It returns the number in upper case, the birthday and the gender (1 male, 2 female).
func ParseIDNumber(s string) (number string, birth cal.Day, gender int, err error) {
	s = strings.ToUpper(normal(s))
	if s == "" {
		return "", 0, 0, nil
	}
	if len(s) != 18 {
		return "", 0, 0, ErrIDNumber.New()
	}
	sum := 0
	for i := range 17 {
		if s[i] < '0' || s[i] > '9' {
			return "", 0, 0, ErrIDNumber.New()
		}
		weight := 1
		for range 17 - i {
			weight = weight * 2 % 11
		}
		sum += int(s[i]-'0') * weight
	}
	if "10X98765432"[sum%11] != s[17] {
		return "", 0, 0, ErrIDNumber.New()
	}
	for _, c := range []byte(s[6:14]) {
		birth = birth*10 + cal.Day(c-'0')
	}
	if !birth.Valid() {
		return "", 0, 0, ErrIDNumber.New()
	}
	gender = 2
	if (s[16]-'0')%2 == 1 {
		gender = 1
	}
	return s, birth, gender, nil
}
