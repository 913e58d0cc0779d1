package api_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"jishan/internal/api"
	"jishan/internal/demo"
	"jishan/internal/id"
)

// cardLogin enters with printed house cards.
func cardLogin(t *testing.T, w *township) {
	officer, stranger := w.login("village"), caller{w: w}
	home, other, without := w.house("陈有卡"), w.house("陈另户"), w.house("陈无卡")
	h := "/households/" + home.ID.String()
	enter := func(card, pin string) string {
		return stranger.code("POST", "/auth/card", map[string]any{"card": card, "pin": pin})
	}
	mine := w.villager(demo.Home{ID: home.ID})
	cards := ask[api.Cards](officer, "POST", "/cards", map[string]any{"households": []id.ID{home.ID, other.ID}}).Items
	old := cards[0].Payload
	ask[api.Card](officer, "PUT", h+"/card/pin", map[string]any{"pin": "8524"})
	printed := ask[api.Card](officer, "POST", h+"/card/reprint", nil).Payload

	for _, card := range []string{printed, home.Code, " " + home.Code + " "} {
		tokens := ask[api.Tokens](stranger, "POST", "/auth/card", map[string]any{"card": card, "pin": "8524"})
		require.Equal(t, "villager", tokens.Audience)
		villager := caller{w, tokens.AccessToken}
		require.Equal(t, home.ID, ask[api.MyHouseholds](villager, "GET", "/my/households", nil).Items[0].ID)
		require.Equal(t, "not_found", villager.code("GET", "/my/households/"+other.ID.String()+"/balance", nil))
	}

	require.Equal(t, "card.replaced", enter(old, "8524"))
	require.Equal(t, "card.invalid", enter(printed[:len(printed)-4]+"AAAA", "8524"))
	require.Equal(t, "house.code", enter("你好", "8524"))
	require.Equal(t, "house.code", enter(home.Code[:len(home.Code)-1], "8524"))
	require.Equal(t, "input.invalid", enter(printed, "85a4"))
	require.Equal(t, "input.invalid", enter("", ""))
	code := ask[api.Code](mine, "GET", "/my/households/"+home.ID.String()+"/code", nil)
	require.Equal(t, "card.needed", enter(code.Text, "8524"), "what is shown at a counter opens no account")

	require.Equal(t, "card.no_pin", enter(other.Code, "8524"))
	require.Equal(t, "card.unknown", enter(without.Code, "8524"))

	// Tries on the web and at the counter are counted together.
	clerk := w.clerk()
	require.Equal(t, "card.wrong_pin", enter(printed, "9999"))
	require.Equal(t, "card.wrong_pin", clerk.code("POST", "/counter/identify", map[string]any{"text": printed, "pin": "9999"}))
	require.Equal(t, 2, ask[api.Card](officer, "GET", h+"/card", nil).Failures)
	require.Equal(t, "card.locked", enter(home.Code, "9998"))
	require.Equal(t, "card.locked", enter(printed, "8524"), "the right PIN is no help any more")
	require.Equal(t, "card.locked", clerk.code("POST", "/counter/identify", map[string]any{"text": printed, "pin": "8524"}))
	inbox := ask[api.NoticePage](mine, "GET", "/my/households/"+home.ID.String()+"/notices", nil)
	require.Equal(t, "户卡已锁定", inbox.Items[0].Title)
	ask[api.Card](officer, "POST", h+"/card/unlock", nil)
	ask[api.Tokens](stranger, "POST", "/auth/card", map[string]any{"card": printed, "pin": "8524"})

	ask[api.Household](officer, "PUT", h, map[string]any{"state": "moved"})
	require.Equal(t, "card.moved", enter(printed, "8524"))
	ask[api.Household](officer, "PUT", h, map[string]any{"state": "here"})
	ask[api.Tokens](stranger, "POST", "/auth/card", map[string]any{"card": printed, "pin": "8524"})

	// The throttle of log-ins stands before everything else, whatever is wrong with the card.
	for {
		if c := enter("JSC1.NONSENSE", "8524"); c != "card.invalid" {
			require.Equal(t, "auth.throttled", c)
			break
		}
	}
	require.Equal(t, 0, ask[api.Card](officer, "GET", h+"/card", nil).Failures)
}

// house is a new household of one person.
func (w *township) house(name string) api.Household {
	w.t.Helper()
	return ask[api.Household](w.login("village"), "POST", "/households", map[string]any{"village": w.guide.Pilot, "members": []any{map[string]any{"name": name}}})
}

func (w *township) clerk() caller {
	for _, l := range w.guide.Logins {
		if l.Login == w.guide.Try.Shop {
			return w.as(l)
		}
	}
	require.Fail(w.t, "no clerk")
	return caller{}
}
