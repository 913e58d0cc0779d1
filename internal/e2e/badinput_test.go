package e2e

import (
	"archive/zip"
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/xuri/excelize/v2"

	"jishan/internal/api"
	"jishan/internal/auth"
)

// TestBadSheets uploads what is no proper table: each is refused in words, and nothing of it is written.
func TestBadSheets(t *testing.T) {
	_, p, c := start(t, 2)
	officer := p.account(t, c, auth.KindOfficer, "officer", auth.Assignment{Role: auth.RoleVillage, Region: p.a.id})
	village := "/villages/" + p.a.id.String()
	rows := p.fingerprint(t)
	good := sheet(t, []any{"组", "户主", "姓名"}, []any{"1组", "新来的", "新来的"})
	for name, b := range map[string]struct {
		data   []byte
		status int
		code   string
	}{
		"a picture":       {append([]byte("\x89PNG\r\n\x1a\n"), make([]byte, 100)...), 422, "xlsx.not_table"},
		"an old workbook": {append([]byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), make([]byte, 2000)...), 422, ""},
		"cut off":         {good[:len(good)/2], 422, "xlsx.broken"},
		"empty":           {nil, 422, "upload.missing"},
		"50 MB":           {make([]byte, 50<<20), 413, "request.too_large"},
		"a zip bomb":      {zipBomb(t, good), 413, "xlsx.too_large"},
		"columns missing": {sheet(t, []any{"品名", "单价"}, []any{"肥皂", "3"}), 422, "xlsx.columns"},
	} {
		for _, path := range []string{"/roster/import", "/awards/import", "/party-members/import"} {
			t.Run(name+path, func(t *testing.T) {
				a, err := officer.file(village+path, newKey(), "表.xlsx", b.data)
				refused(t, a, err, b.status, b.code)
			})
		}
	}
	// A formula without a result is a problem of its row, and keeps the sheet out.
	f := excelize.NewFile()
	for cell, v := range map[string]string{"A1": "组", "B1": "户主", "C1": "姓名", "A2": "1组", "B2": "张三"} {
		require.NoError(t, f.SetCellValue("Sheet1", cell, v))
	}
	require.NoError(t, f.SetCellFormula("Sheet1", "C2", "HYPERLINK(\"http://x\",\"张三\")"))
	var buf bytes.Buffer
	require.NoError(t, f.Write(&buf))
	r := upload[api.RosterReport](t, officer, village+"/roster/import", buf.Bytes())
	require.False(t, r.Written)
	require.NotEmpty(t, r.Problems)
	require.Regexp(t, chinese, r.Problems[0].Text)
	require.Equal(t, rows, p.fingerprint(t), "something was written")
}

// zipBomb is a workbook whose sheet unpacks to 300 MB of blanks.
func zipBomb(t testing.TB, good []byte) []byte {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(good), int64(len(good)))
	require.NoError(t, err)
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, f := range r.File {
		if f.Name != "xl/worksheets/sheet1.xml" {
			require.NoError(t, w.Copy(f))
			continue
		}
		part, err := w.Create(f.Name)
		require.NoError(t, err)
		_, err = io.WriteString(part, `<worksheet><sheetData><row r="1">`)
		require.NoError(t, err)
		blank := bytes.Repeat([]byte(" "), 1<<20)
		for range 300 {
			_, err = part.Write(blank)
			require.NoError(t, err)
		}
		_, err = io.WriteString(part, `</row></sheetData></worksheet>`)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return out.Bytes()
}

// TestBadRequests sends what no client of ours would.
func TestBadRequests(t *testing.T) {
	_, p, c := start(t, 2)
	officer := p.account(t, c, auth.KindOfficer, "officer", auth.Assignment{Role: auth.RoleVillage, Region: p.a.id})
	clerk := p.account(t, c, auth.KindMerchant, "clerk", auth.Assignment{Role: auth.RoleClerk, Merchant: p.m.id})
	p.give(t, p.a.id, 50, p.a.houses[0])
	awards, house := "/villages/"+p.a.id.String()+"/awards", p.a.houses[0].String()
	code := p.code(t, p.a.houses[0])
	award := func(rest string) string {
		return `{"grants":[{"rule":"` + p.help.String() + `","household":"` + house + `"` + rest + `}]}`
	}
	redeem := func(rest string) string { return `{"text":"` + code + `"` + rest + `}` }
	product := p.m.products[0].String()
	rows := p.fingerprint(t)
	for name, b := range map[string]struct {
		who             client
		path, key, body string
		status          int
		code            string
	}{
		"no key":                   {officer, awards, "", award(`,"points":5`), 400, "idempotency.required"},
		"a short key":              {officer, awards, "1234567", award(`,"points":5`), 400, "idempotency.required"},
		"a key in another script":  {officer, awards, "一二三四五六七八", award(`,"points":5`), 400, "idempotency.required"},
		"a negative award":         {officer, awards, newKey(), award(`,"points":-5`), 422, "rule.range"},
		"a huge award":             {officer, awards, newKey(), award(`,"points":1e30`), 422, "input.invalid"},
		"more than can be counted": {officer, awards, newKey(), award(`,"points":99999999999999999999`), 422, "input.invalid"},
		"three decimals":           {officer, awards, newKey(), award(`,"points":5.005`), 422, "input.invalid"},
		"an amount as text":        {officer, awards, newKey(), award(`,"points":"5"`), 422, "input.invalid"},
		"beyond the range":         {officer, awards, newKey(), award(`,"points":51`), 422, "rule.range"},
		"an unknown field":         {officer, awards, newKey(), award(`,"punkte":5`), 422, "input.invalid"},
		"an unknown household":     {officer, awards, newKey(), strings.Replace(award(`,"points":5`), house, newKey(), 1), 404, "not_found"},
		"a key that is none":       {officer, awards, newKey(), strings.Replace(award(`,"points":5`), house, "1 OR 1=1", 1), 422, ""},
		"an unknown village":       {officer, "/villages/" + newKey() + "/awards", newKey(), award(`,"points":5`), 404, ""},
		"no JSON":                  {officer, awards, newKey(), `{"grants":[`, 400, "request.malformed"},
		"no UTF-8":                 {officer, awards, newKey(), award(`,"points":5,"note":"` + "\xff\xfe" + `"`), 400, "request.encoding"},
		"too much":                 {officer, awards, newKey(), award(`,"points":5,"note":"` + strings.Repeat("长", 9<<20/3) + `"`), 413, "request.too_large"},
		"no grants":                {officer, awards, newKey(), `{"grants":[]}`, 422, "input.invalid"},
		"negative quantity":        {clerk, "/counter/redemptions", newKey(), redeem(`,"lines":[{"product":"` + product + `","quantity":-1}]`), 422, "input.invalid"},
		"huge quantity":            {clerk, "/counter/redemptions", newKey(), redeem(`,"lines":[{"product":"` + product + `","quantity":9223372036854775807}]`), 422, "input.invalid"},
		"negative points":          {clerk, "/counter/redemptions", newKey(), redeem(`,"points":-1`), 422, "input.invalid"},
		"an unknown product":       {clerk, "/counter/redemptions", newKey(), redeem(`,"lines":[{"product":"` + newKey() + `","quantity":1}]`), 409, "redeem.product"},
		"nothing at all":           {clerk, "/counter/redemptions", newKey(), redeem(``), 422, ""},
		"a forged code":            {clerk, "/counter/redemptions", newKey(), strings.Replace(redeem(`,"points":1`), code[10:14], "0000", 1), 422, "code.invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := b.who.send(http.MethodPost, b.path, b.key, "application/json", []byte(b.body))
			refused(t, a, err, b.status, b.code)
		})
	}
	require.Equal(t, rows, p.fingerprint(t), "something was written")
}
