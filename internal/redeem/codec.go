package redeem

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"jishan/internal/id"
)

// Texts handed out begin with a prefix that names their kind and format. All of them consist of characters of the QR code's
// alphanumeric mode only (0-9 A-Z and . here), which makes a smaller, faster scanned picture.
const (
	codePrefix   = "JSD1." // dynamic code
	cardPrefix   = "JSC1." // printed house card
	ticketPrefix = "JST1." // what a clerk holds between identifying and confirming
)

const (
	codeMAC   = 10 // bytes; 80 bits against guessing within 90 seconds
	cardMAC   = 10
	ticketMAC = 16
	maxText   = 128 // longer is nothing of ours
)

// Nonce is a one-time number. Every redemption spends one.
type Nonce [12]byte

// NewNonce is a fresh one.
func NewNonce() (n Nonce) {
	_, _ = rand.Read(n[:]) // never fails since Go 1.24: it crashes the program instead
	return n
}

// dynamicCode is what a villager's screen shows.
type dynamicCode struct {
	household id.ID
	issued    time.Time // whole seconds
	nonce     Nonce
}

// ticket is what Identify gives to a merchant. It carries the nonce of the code, so that the code is spent with it.
type ticket struct {
	household id.ID
	merchant  id.ID
	way       Way
	issued    time.Time // whole seconds
	nonce     Nonce
}

// cardText is what a house card's QR code says.
type cardText struct {
	code   string // household's code
	serial int
}

// keys sign and check. Those of codes and tickets follow the root secret, the current one first; those of cards follow the
// card pepper, because a printed card must outlive a rotation of the root secret.
type keys struct {
	codes   [][]byte
	tickets [][]byte
	card    []byte
	pin     []byte
}

func newKeys(secrets []string, pepper string) (*keys, error) {
	k := &keys{}
	derive := func(secret, use string) ([]byte, error) {
		if secret == "" {
			return nil, errors.New("redeem: empty secret")
		}
		return hkdf.Key(sha256.New, []byte(secret), nil, "jishan redeem "+use+" 1", 32)
	}
	for _, s := range secrets {
		code, err := derive(s, "code")
		if err != nil {
			return nil, fmt.Errorf("deriving the key of dynamic codes: %w", err)
		}
		ticket, err := derive(s, "ticket")
		if err != nil {
			return nil, fmt.Errorf("deriving the key of tickets: %w", err)
		}
		k.codes, k.tickets = append(k.codes, code), append(k.tickets, ticket)
	}
	if len(k.codes) == 0 {
		return nil, errors.New("redeem: no secret")
	}
	var err error
	if k.card, err = derive(pepper, "card"); err != nil {
		return nil, fmt.Errorf("deriving the key of house cards: %w", err)
	}
	if k.pin, err = derive(pepper, "pin"); err != nil {
		return nil, fmt.Errorf("deriving the key of PINs: %w", err)
	}
	return k, nil
}

var base32Text = base32.StdEncoding.WithPadding(base32.NoPadding)

func mac(key, body []byte, n int) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(body)
	return h.Sum(nil)[:n]
}

// seal is prefix + base32(body + mac).
func seal(prefix string, key, body []byte, n int) string {
	return prefix + base32Text.EncodeToString(append(body, mac(key, append([]byte(prefix), body...), n)...))
}

// unseal is the body of a text that one of the keys has sealed; ok is false for anything else. There is exactly one text per
// body and key.
func unseal(prefix, text string, keys [][]byte, size, n int) (body []byte, ok bool) {
	rest, found := strings.CutPrefix(text, prefix)
	if !found || len(rest) != base32Text.EncodedLen(size+n) {
		return nil, false
	}
	raw, err := base32Text.DecodeString(rest)
	if err != nil || len(raw) != size+n || base32Text.EncodeToString(raw) != rest {
		return nil, false
	}
	body, sum := raw[:size], raw[size:]
	for _, key := range keys {
		if hmac.Equal(sum, mac(key, append([]byte(prefix), body...), n)) {
			return body, true
		}
	}
	return nil, false
}

// clean is a scanned or typed text in the form it was handed out.
func clean(text string) string {
	text = strings.TrimSpace(text)
	if len(text) > maxText {
		return ""
	}
	return strings.ToUpper(text)
}

const codeBody = 8 + 4 + len(Nonce{})

func (k *keys) signCode(c dynamicCode) string {
	b := make([]byte, 0, codeBody+codeMAC)
	b = binary.BigEndian.AppendUint64(b, uint64(c.household))
	b = binary.BigEndian.AppendUint32(b, uint32(c.issued.Unix()))
	b = append(b, c.nonce[:]...)
	return seal(codePrefix, k.codes[0], b, codeMAC)
}

func (k *keys) parseCode(text string) (dynamicCode, error) {
	b, ok := unseal(codePrefix, clean(text), k.codes, codeBody, codeMAC)
	if !ok {
		return dynamicCode{}, ErrCode.New()
	}
	return dynamicCode{
		household: id.ID(binary.BigEndian.Uint64(b)),
		issued:    time.Unix(int64(binary.BigEndian.Uint32(b[8:])), 0).UTC(),
		nonce:     Nonce(b[12:]),
	}, nil
}

const ticketBody = 8 + 8 + 1 + 4 + len(Nonce{})

func (k *keys) signTicket(t ticket) string {
	b := make([]byte, 0, ticketBody+ticketMAC)
	b = binary.BigEndian.AppendUint64(b, uint64(t.household))
	b = binary.BigEndian.AppendUint64(b, uint64(t.merchant))
	b = append(b, byte(t.way))
	b = binary.BigEndian.AppendUint32(b, uint32(t.issued.Unix()))
	b = append(b, t.nonce[:]...)
	return seal(ticketPrefix, k.tickets[0], b, ticketMAC)
}

func (k *keys) parseTicket(text string) (ticket, error) {
	b, ok := unseal(ticketPrefix, clean(text), k.tickets, ticketBody, ticketMAC)
	if !ok {
		return ticket{}, ErrTicket.New()
	}
	return ticket{
		household: id.ID(binary.BigEndian.Uint64(b)),
		merchant:  id.ID(binary.BigEndian.Uint64(b[8:])),
		way:       Way(b[16]),
		issued:    time.Unix(int64(binary.BigEndian.Uint32(b[17:])), 0).UTC(),
		nonce:     Nonce(b[21:]),
	}, nil
}

// signCard is JSC1.house code.serial.mac; the first two are readable, so that a torn card can be typed.
func (k *keys) signCard(c cardText) string {
	body := cardPrefix + c.code + "." + strconv.Itoa(c.serial) + "."
	return body + base32Text.EncodeToString(mac(k.card, []byte(body), cardMAC))
}

func (k *keys) parseCard(text string) (cardText, error) {
	text = clean(text)
	parts := strings.Split(text, ".")
	if len(parts) != 4 || parts[0]+"." != cardPrefix || parts[1] == "" || len(parts[2]) > 6 {
		return cardText{}, ErrCard.New()
	}
	serial, err := strconv.Atoi(parts[2])
	if err != nil || serial < 1 {
		return cardText{}, ErrCard.New()
	}
	c := cardText{code: parts[1], serial: serial}
	if !hmac.Equal([]byte(k.signCard(c)), []byte(text)) {
		return cardText{}, ErrCard.New()
	}
	return c, nil
}
