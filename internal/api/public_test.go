package api_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"jishan/internal/api"
	"jishan/internal/db"
	"jishan/internal/ledger"
	"jishan/internal/testkit"
)

// fetch reads a public page.
func (w *township) fetch(path string) (status int, body string) {
	w.t.Helper()
	resp, err := http.Get(w.URL + path)
	require.NoError(w.t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	require.NoError(w.t, err)
	require.Contains(w.t, resp.Header.Get("Content-Security-Policy"), "default-src 'none'; script-src 'self'; style-src 'self';")
	return resp.StatusCode, string(b)
}

// openToAnyone reads as a stranger everything that a village publishes, and finds nothing in it that names somebody.
func openToAnyone(t *testing.T, w *township) {
	const code = "439900100201"
	stranger, admin := caller{w: w}, w.login("township")
	settings := "/villages/" + w.guide.Pilot.String() + "/settings"
	set := ask[api.Settings](admin, "GET", settings, nil)
	require.True(t, set.Publish, "the demo publishes")
	set.MaskNames = false // the village's own boards show whole names; what is public does not
	ask[struct{}](admin, "PUT", settings, set)

	var secrets []string // names, telephone numbers, house codes, reasons, keys
	require.NoError(t, w.DB.Tx(context.Background(), func(tx db.Tx) error {
		seals, err := ledger.DueSeals(tx, w.guide.Pilot)
		require.NoError(t, err)
		_, err = ledger.KeepSeals(tx, seals)
		require.NoError(t, err)
		for _, q := range []string{"SELECT DISTINCT name FROM villagers WHERE CHAR_LENGTH(name) > 1", "SELECT code FROM households", "SELECT DISTINCT reason FROM ledger_txs WHERE reason <> ''"} {
			if tx.Dialect == db.SQLite {
				q = strings.Replace(q, "CHAR_LENGTH", "LENGTH", 1)
			}
			var some []string
			require.NoError(t, tx.Raw(q).Scan(&some).Error)
			require.NotEmpty(t, some)
			secrets = append(secrets, some...)
		}
		return nil
	}))
	for _, h := range w.guide.Homes {
		secrets = append(secrets, h.ID.String())
	}
	seen := 0
	quiet := func(what, body string) {
		seen += len(body)
		for _, s := range secrets {
			require.NotContains(t, body, s, what)
		}
	}
	get := func(path string) string {
		a := stranger.send("GET", path, nil)
		require.Equal(t, 200, a.status, "%s: %s", path, a.body)
		quiet(path, string(a.body))
		return string(a.body)
	}
	read := func(path string, v any) { require.NoError(t, json.Unmarshal([]byte(get(path)), v)) }
	page := func(path string) string {
		status, body := w.fetch(path)
		require.Equal(t, 200, status, path)
		quiet(path, body)
		require.NotContains(t, body, "https://", path)
		return body
	}

	var villages api.PublicVillages
	read("/public/villages", &villages)
	require.Greater(t, len(villages.Items), 1)
	require.Contains(t, page("/public/"), `href="/public/`+code+`"`)
	var village api.PublicVillage
	v := "/public/villages/" + code
	read(v, &village)
	require.NotEmpty(t, village.Groups)
	require.NotNil(t, village.Seal)
	require.Contains(t, page("/public/how"), "看不出什么")

	var board, group api.PublicBoard
	read(v+"/board?limit=200", &board)
	require.NotEmpty(t, board.Items)
	for _, row := range board.Items {
		require.Contains(t, row.Name, "*")
	}
	read(v+"/board?subject=person&period=all&group="+village.Groups[0].Code, &group)
	require.Less(t, group.Total, 200)
	require.Equal(t, 1, board.Items[0].Rank)
	require.Contains(t, page("/public/"+code), board.Items[0].Name)
	require.Contains(t, page("/public/"+code+"?period=2026-Q4&subject=person&page=2"), "上一页")
	require.Contains(t, page("/public/"+code+"?period=2001-01"), "还没有人有积分")
	require.Equal(t, 422, stranger.send("GET", v+"/board?subject=member", nil).status, "party boards are not for strangers")
	require.Equal(t, 404, stranger.send("GET", v+"/board?group=439900100202", nil).status)
	status, body := w.fetch("/public/" + code + "?subject=branch")
	require.Equal(t, 422, status)
	require.Contains(t, body, "请换一种榜")

	// A group that is no more is offered for what it earned only.
	const gone = "439900100201" + "97"
	group97 := ask[api.Region](admin, "POST", "/regions", map[string]any{"parent": w.guide.Pilot, "kind": "group", "code": gone, "name": "九七组"})
	require.Contains(t, page("/public/"+code), "九七组")
	ask[api.Region](admin, "PUT", "/regions/"+group97.ID.String()+"/state", map[string]any{"closed": true})
	require.NotContains(t, page("/public/"+code), "九七组")
	require.Contains(t, page("/public/"+code+"?group="+gone), "九七组")

	// Seals: what is downloaded hashes to what is published.
	var seals api.Page[api.PublicSeal]
	read(v+"/seals?limit=5", &seals)
	require.Len(t, seals.Items, 5)
	require.Equal(t, *village.Seal, seals.Items[0])
	require.Equal(t, seals.Items[0].Prev, seals.Items[1].Hash)
	var older api.Page[api.PublicSeal]
	read(v+"/seals?limit=5&cursor="+seals.Next, &older)
	require.Equal(t, seals.Items[4].Prev, older.Items[0].Hash)
	newest := seals.Items[0]
	text := get(v + "/seals/" + newest.Day.String())
	require.Equal(t, newest.Hash, fmt.Sprintf("%x", sha256.Sum256([]byte(text))))
	require.True(t, strings.HasPrefix(get(v+"/seals.txt"), fmt.Sprintf("%s %d %d %s\n", newest.Day, newest.First, newest.Last, newest.Hash)))
	require.Equal(t, 404, stranger.send("GET", v+"/seals/2001-01-01", nil).status)
	require.Contains(t, page("/public/"+code+"/seals"), newest.Day.String())
	require.NotContains(t, page("/public/"+code+"/seals?before="+newest.Day.String()), newest.Day.String())
	require.Contains(t, page("/public/"+code+"/seals/"+newest.Day.String()), newest.Hash[:4]+" "+newest.Hash[4:8])

	// Every number, whatever its kind.
	kinds := map[string]bool{}
	for number := max(newest.Last-250, 1); number <= newest.Last; number++ {
		var tx api.PublicTransaction
		read(v+"/transactions/"+itoa(number), &tx)
		require.Equal(t, "proven", tx.State)
		require.Equal(t, number, tx.Proof.Number)
		kinds[tx.Asset+tx.Kind] = true
		if tx.Asset == "party" {
			require.Empty(t, tx.Proof.Text)
			require.Nil(t, tx.Moved)
			require.Empty(t, tx.Household)
			continue
		}
		require.Equal(t, tx.Hash, fmt.Sprintf("%x", sha256.Sum256([]byte(tx.Proof.Text))))
		require.Contains(t, tx.Proof.Text, fmt.Sprintf("\nmoved %d\n", int64(*tx.Moved)))
		if number > newest.Last-20 {
			shown := page("/public/" + code + "/check?number=" + itoa(number))
			require.Contains(t, shown, tx.KindName)
			require.Contains(t, shown, tx.Household)
			require.Contains(t, shown, `id="verdict"`)
		}
	}
	require.Subset(t, keysOf(kinds), []string{"pointsaward", "pointsredeem", "party"})
	var fresh api.PublicTransaction
	read(v+"/transactions/"+itoa(village.Last), &fresh)
	if village.Last > newest.Last {
		require.Equal(t, "unsealed", fresh.State)
		require.Contains(t, page("/public/"+code+"/check?number="+itoa(village.Last)), "还没有封存")
	}
	require.Equal(t, 404, stranger.send("GET", v+"/transactions/"+itoa(village.Last+1), nil).status)
	require.Contains(t, page("/public/"+code+"/check?number="+itoa(village.Last+1)), "最新的是第")
	require.Contains(t, page("/public/"+code+"/check?number="+url.QueryEscape("<b>")), "请填账上的号数")
	require.Contains(t, page("/public/"+code+"/check"), "号数在您的积分明细里")

	// A changed row is told, not hidden.
	change := func(by string) {
		testkit.Tamper(t, w.DB, "UPDATE ledger_txs SET score = score "+by+" 100 WHERE book_id = ? AND number = ?", w.guide.Pilot, newest.Last)
	}
	change("+")
	var changed api.PublicTransaction
	read(v+"/transactions/"+itoa(newest.Last), &changed)
	require.Equal(t, "broken", changed.State)
	require.Nil(t, changed.Proof)
	require.Contains(t, page("/public/"+code+"/check?number="+itoa(newest.Last)), "对不上")
	change("-")

	// A village that does not publish is as if it did not exist.
	set.MaskNames, set.Publish = true, false
	ask[struct{}](admin, "PUT", settings, set)
	for _, path := range []string{"", "/board", "/seals", "/seals.txt", "/seals/" + newest.Day.String(), "/transactions/1"} {
		require.Equal(t, "public.village", stranger.code("GET", v+path, nil), path)
	}
	for _, path := range []string{"/public/" + code, "/public/" + code + "/seals", "/public/" + code + "/seals/" + newest.Day.String(), "/public/" + code + "/check", "/public/1", "/public/4399001002"} {
		status, body := w.fetch(path)
		require.Equal(t, 404, status, path)
		require.Contains(t, body, "没有对外公开")
	}
	require.NotContains(t, page("/public/"), code)
	set.Publish = true
	ask[struct{}](admin, "PUT", settings, set)
	require.Greater(t, seen, 100_000)
}

func keysOf(m map[string]bool) (out []string) {
	for k := range m {
		out = append(out, k)
	}
	return out
}
