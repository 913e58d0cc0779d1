package redeem

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"jishan/internal/id"
)

func testKeys(t require.TestingT, secrets ...string) *keys {
	if len(secrets) == 0 {
		secrets = []string{"the secret of tests, thirty-two bytes and more"}
	}
	k, err := newKeys(secrets, "the pepper of tests, thirty-two bytes and more")
	require.NoError(t, err)
	return k
}

// qrText is what the QR code's alphanumeric mode can hold.
var qrText = regexp.MustCompile(`^[0-9A-Z $%*+\-./:]+$`)

func TestCodeRoundTrip(t *testing.T) {
	k := testKeys(t)
	rapid.Check(t, func(t *rapid.T) {
		c := dynamicCode{household: id.ID(rapid.Int64Range(1, 1<<62-1).Draw(t, "household")), issued: time.Unix(rapid.Int64Range(0, 1<<32-1).Draw(t, "issued"), 0).UTC(), nonce: NewNonce()}
		text := k.signCode(c)
		require.Regexp(t, qrText, text)
		require.Less(t, len(text), 80)
		got, err := k.parseCode(" " + strings.ToLower(text) + "\n")
		require.NoError(t, err)
		require.Equal(t, c, got)

		at := rapid.IntRange(0, len(text)-1).Draw(t, "at")
		forged := []byte(text)
		forged[at] = rapid.SampledFrom([]byte("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567.019")).Draw(t, "char")
		if string(forged) != text {
			_, err = k.parseCode(string(forged))
			require.ErrorIs(t, err, ErrCode)
		}
	})
}

func TestTicketRoundTrip(t *testing.T) {
	k := testKeys(t)
	want := ticket{household: id.New(), merchant: id.New(), way: ByCard, issued: time.Unix(1_790_000_000, 0).UTC(), nonce: NewNonce()}
	text := k.signTicket(want)
	require.LessOrEqual(t, len(text), maxText)
	got, err := k.parseTicket(text)
	require.NoError(t, err)
	require.Equal(t, want, got)
	_, err = k.parseTicket(k.signCode(dynamicCode{household: want.household, issued: want.issued, nonce: want.nonce}))
	require.ErrorIs(t, err, ErrTicket)
	_, err = k.parseCode(strings.Replace(text, ticketPrefix, codePrefix, 1))
	require.ErrorIs(t, err, ErrCode)
}

func TestSecretsRotate(t *testing.T) {
	old, rotated, foreign := testKeys(t, "old secret"), testKeys(t, "new secret", "old secret"), testKeys(t, "new secret")
	c := dynamicCode{household: id.New(), issued: time.Unix(1_790_000_000, 0).UTC(), nonce: NewNonce()}
	_, err := rotated.parseCode(old.signCode(c))
	require.NoError(t, err, "what was signed before the rotation is still good")
	_, err = foreign.parseCode(rotated.signCode(c))
	require.NoError(t, err, "the new secret signs")
	_, err = foreign.parseCode(old.signCode(c))
	require.ErrorIs(t, err, ErrCode, "the old secret was dropped")
	card := old.signCard(cardText{"ABCD2345", 3})
	got, err := foreign.parseCard(card)
	require.NoError(t, err, "a printed card outlives every rotation")
	require.Equal(t, cardText{"ABCD2345", 3}, got)
	_, err = newKeys([]string{""}, "pepper")
	require.Error(t, err)
	_, err = newKeys([]string{"secret"}, "")
	require.Error(t, err)
}

func TestCardsCannotBeMadeUp(t *testing.T) {
	k := testKeys(t)
	card := k.signCard(cardText{"ABCD2345", 2})
	require.Regexp(t, qrText, card)
	require.Less(t, len(card), 80)
	for _, forged := range []string{"", "JSC1.", "JSC1.ABCD2345.2.", strings.Replace(card, ".2.", ".3.", 1), strings.Replace(card, ".2.", ".02.", 1),
		strings.Replace(card, "ABCD", "ABCE", 1), card + "A", "JSC1.ABCD2345.-1." + card[len(card)-16:], strings.Repeat(card, 9)} {
		_, err := k.parseCard(forged)
		require.ErrorIs(t, err, ErrCard, forged)
	}
}

func FuzzParseCode(f *testing.F) {
	k := testKeys(f)
	f.Add(k.signCode(dynamicCode{household: 1, issued: time.Unix(1_790_000_000, 0), nonce: Nonce{1}}))
	f.Add("JSD1.")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := k.parseCode(text)
		if err != nil {
			require.ErrorIs(t, err, ErrCode)
			return
		}
		require.Equal(t, clean(text), k.signCode(c), "only what we have signed is read, and there is one text for it")
	})
}

func FuzzParseTicket(f *testing.F) {
	k := testKeys(f)
	f.Add(k.signTicket(ticket{household: 1, merchant: 2, way: ByCode, issued: time.Unix(1_790_000_000, 0), nonce: Nonce{1}}))
	f.Add("JST1.AAAA")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := k.parseTicket(text)
		if err != nil {
			require.ErrorIs(t, err, ErrTicket)
			return
		}
		require.Equal(t, clean(text), k.signTicket(c))
	})
}

func FuzzParseCard(f *testing.F) {
	k := testKeys(f)
	f.Add(k.signCard(cardText{"ABCD2345", 1}))
	f.Add("JSC1.A.1.B")
	f.Add("JSC1...")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := k.parseCard(text)
		if err != nil {
			require.ErrorIs(t, err, ErrCard)
			return
		}
		require.Equal(t, clean(text), k.signCard(c))
	})
}
