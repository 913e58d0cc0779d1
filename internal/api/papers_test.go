package api_test

import (
	"encoding/json"
	"html"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jishan/internal/api"
)

// sealOnPaper reads what a print carries of the village's book, and follows it from the paper to the public pages.
func sealOnPaper(t *testing.T, w *township) {
	officer, admin, stranger := w.login("village"), w.login("township"), caller{w: w}
	path := "/villages/" + w.guide.Pilot.String() + "/seal"
	paper := ask[api.PaperSeal](officer, "GET", path, nil)
	require.Equal(t, "439900100201", paper.Code)
	require.NotEmpty(t, paper.Village)
	seals := ask[api.Page[api.PublicSeal]](stranger, "GET", "/public/villages/"+paper.Code+"/seals?limit=200", nil).Items
	require.Greater(t, len(seals), 6)
	require.Equal(t, seals[0], *paper.Seal)
	require.Regexp(t, `^([0-9a-f]{4} ){4}[0-9a-f]{4}$`, paper.Seal.Short)
	require.True(t, strings.HasPrefix(paper.Seal.Hash, strings.ReplaceAll(paper.Seal.Short, " ", "")))
	last := ask[api.PublicTransaction](stranger, "GET", "/public/villages/"+paper.Code+"/transactions/"+itoa(paper.Seal.Last), nil)
	require.Equal(t, last.Hash, paper.Seal.Head)

	// The page that the printed code leads to shows the same short fingerprint, in the same groups.
	u, err := url.Parse(paper.Page)
	require.NoError(t, err)
	require.Equal(t, "/public/"+paper.Code+"/seals/"+paper.Seal.Day.String(), u.Path)
	require.Contains(t, paper.QR, "<svg")
	status, body := w.fetch(u.Path)
	require.Equal(t, 200, status)
	require.Contains(t, body, `<code id="f-short">`+paper.Seal.Short+"</code>")

	// What was published earlier carries what was the newest seal then.
	old := ask[api.PaperSeal](officer, "GET", path+"?at="+seals[0].At.Add(-time.Millisecond).UTC().Format(time.RFC3339Nano), nil)
	if old.Seal != nil {
		require.True(t, old.Seal.At.Before(seals[0].At))
	}
	require.Nil(t, ask[api.PaperSeal](officer, "GET", path+"?at=2001-01-01T00:00:00%2B08:00", nil).Seal)

	// A number is followed from its own day's seal to the printed one.
	check := "/public/" + paper.Code + "/check?number=" + itoa(seals[5].Last) + "&seal="
	status, body = w.fetch(check + seals[0].Day.String())
	require.Equal(t, 200, status)
	found := regexp.MustCompile(`(?s)<pre id="chain">(.*?)</pre>`).FindStringSubmatch(body)
	require.Len(t, found, 2)
	var chain []string
	require.NoError(t, json.Unmarshal([]byte(html.UnescapeString(found[1])), &chain))
	require.Len(t, chain, 5)
	require.True(t, strings.HasPrefix(chain[0], "jishan-seal-1\nprev "+seals[5].Hash+"\n"))
	require.Contains(t, chain[4], "\nhead "+seals[0].Head+"\n")
	for day, text := range map[string]string{
		seals[5].Day.String(): `<pre id="chain">[]</pre>`, seals[6].Day.String(): "请用这一天或以后的公告核对", "2099-01-01": "没有 2099-01-01 的日封", "x": "公告上日封的日期要像",
	} {
		status, body = w.fetch(check + day)
		require.Equal(t, 200, status)
		require.Contains(t, body, text)
	}

	// A village that does not publish prints its fingerprint, and no address; others' villages are not told of at all.
	settings := "/villages/" + w.guide.Pilot.String() + "/settings"
	set := ask[api.Settings](admin, "GET", settings, nil)
	set.Publish = false
	ask[struct{}](admin, "PUT", settings, set)
	quiet := ask[api.PaperSeal](officer, "GET", path, nil)
	require.Equal(t, paper.Seal, quiet.Seal)
	require.Empty(t, quiet.Page+quiet.QR)
	set.Publish = true
	ask[struct{}](admin, "PUT", settings, set)
	other := ask[api.PublicVillages](stranger, "GET", "/public/villages", nil).Items
	require.Greater(t, len(other), 1)
	for _, r := range ask[api.Regions](admin, "GET", "/regions", nil).Items {
		if r.Kind == "village" && r.ID != w.guide.Pilot {
			require.Equal(t, 404, officer.send("GET", "/villages/"+r.ID.String()+"/seal", nil).status)
			require.Equal(t, 200, admin.send("GET", "/villages/"+r.ID.String()+"/seal", nil).status)
		}
		if r.Kind == "township" {
			require.Equal(t, 404, admin.send("GET", "/villages/"+r.ID.String()+"/seal", nil).status)
		}
	}
}
