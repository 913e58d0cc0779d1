package api_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jishan/internal/api"
)

// expiry clears points that have expired, as previewed and confirmed, and gives them back.
func expiry(t *testing.T, w *township) {
	v := "/villages/" + w.guide.Pilot.String()
	home := w.house("陈到期")
	set := ask[api.Settings](w.login("township"), "GET", v+"/settings", nil)
	set.ExpiryMonths = 1
	require.False(t, set.ExpiryAuto)
	ask[struct{}](w.login("township"), "PUT", v+"/settings", set)
	officer := w.login("village")
	before := ask[api.Due](officer, "GET", v+"/expiry", nil)
	ask[api.AwardResult](officer, "POST", v+"/awards", map[string]any{"grants": []any{map[string]any{"rule": w.guide.Try.Rule, "household": home.ID}}})

	w.later.Store(int64(61 * 24 * time.Hour))
	officer = w.login("village")
	due := ask[api.Due](officer, "GET", v+"/expiry", nil)
	require.Equal(t, before.Households+1, due.Households)
	require.Equal(t, home.ID, due.Largest[0].Household)
	order := map[string]any{"last_day": due.LastDay, "households": due.Households, "points": due.Points}
	require.Equal(t, "idempotency.required", officer.code("POST", v+"/clearings", order, "Idempotency-Key", ""))
	require.Equal(t, "expiry.changed", officer.code("POST", v+"/clearings", map[string]any{"last_day": due.LastDay, "households": 7, "points": due.Points}))
	require.Contains(t, []string{"auth.forbidden", "not_found"}, w.login("supervisor").code("POST", v+"/clearings", order))
	done := ask[api.Clearing](officer, "POST", v+"/clearings", order, "Idempotency-Key", "clear-once")
	require.Equal(t, due.Points, done.Points)
	require.Equal(t, done, ask[api.Clearing](officer, "POST", v+"/clearings", order, "Idempotency-Key", "clear-once"))
	require.Equal(t, "expiry.nothing", officer.code("POST", v+"/clearings", order))
	lines := ask[api.Page[api.StatementLine]](officer, "GET", "/households/"+home.ID.String()+"/statement", nil).Items
	require.Equal(t, "expire", lines[0].Kind)

	undo := v + "/clearings/" + itoa(done.Number) + "/reverse"
	back := ask[api.Clearing](officer, "POST", undo, map[string]any{"reason": "正月里没有兑换日", "good_until": "2027-06-30"})
	require.Equal(t, "2027-06-30", back.Returned.GoodUntil.String())
	require.Equal(t, "expiry.returned", officer.code("POST", undo, map[string]any{"reason": "再来一次"}))
	require.Equal(t, []api.Clearing{back}, ask[api.Clearings](officer, "GET", v+"/clearings", nil).Items)
	balance := ask[api.Balance](officer, "GET", "/households/"+home.ID.String()+"/balance", nil)
	require.Equal(t, "2027-06-30", balance.Expiring[0].Day.String())
	require.Equal(t, due.Largest[0].Points, balance.Expiring[0].Points)
}
