package api_test

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/xuri/excelize/v2"

	"jishan/internal/api"
	"jishan/internal/audit"
	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/points"
)

// handedIn is a file as somebody opens it: lines above the header, the rows by header, the sums.
type handedIn struct {
	t     *testing.T
	name  string
	sheet string
	f     *excelize.File
	heads []string
	above []string
	first int // row of the first line below the header
	rows  []map[string]string
	sums  map[string]string
}

// handIn exports and reads back. What holds for every file is checked here: the name, the print set-up, the types of the cells.
func handIn(c caller, path, firstHead string) handedIn {
	t := c.w.t
	t.Helper()
	a := c.send("GET", path, nil)
	require.Equal(t, 200, a.status, "%s: %s", path, a.body)
	require.Equal(t, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", a.header.Get("Content-Type"))
	encoded, ok := strings.CutPrefix(a.header.Get("Content-Disposition"), "attachment; filename*=UTF-8''")
	require.True(t, ok, "RFC 5987")
	name, err := url.PathUnescape(encoded)
	require.NoError(t, err)
	f, err := excelize.OpenReader(bytes.NewReader(a.body))
	require.NoError(t, err)
	t.Cleanup(func() { _ = f.Close() })
	h := handedIn{t: t, name: name, f: f, sheet: f.GetSheetList()[0], sums: map[string]string{}}
	layout, err := f.GetPageLayout(h.sheet)
	require.NoError(t, err)
	require.Equal(t, 9, *layout.Size, "A4")
	rows, err := f.GetRows(h.sheet)
	require.NoError(t, err)
	header := slices.IndexFunc(rows, func(r []string) bool { return len(r) > 2 && r[0] == firstHead })
	require.Positive(t, header, "no header in %v", rows[:min(len(rows), 6)])
	for _, r := range rows[:header] {
		h.above = append(h.above, r[0])
	}
	h.heads, h.first = rows[header], header+2
	titles := f.GetDefinedName()
	require.Len(t, titles, 1)
	require.Equal(t, fmt.Sprintf("'%s'!$%d:$%d", h.sheet, header+1, header+1), titles[0].RefersTo, "the header is repeated on every page")
	for _, r := range rows[header+1:] {
		row := map[string]string{}
		for i, v := range r {
			row[h.heads[i]] = v
		}
		if r[0] == "合计" {
			h.sums = row
			continue
		}
		require.Empty(t, h.sums, "the sums are last")
		h.rows = append(h.rows, row)
	}
	for n := h.first; n <= len(rows); n++ {
		for i := range h.heads {
			at, err := excelize.CoordinatesToCellName(i+1, n)
			require.NoError(t, err)
			formula, err := f.GetCellFormula(h.sheet, at)
			require.NoError(t, err)
			require.Empty(t, formula)
		}
	}
	return h
}

// kind is the type of a cell: "n" for a number, "t" for a text.
func (h handedIn) kind(row int, head string) string {
	at, err := excelize.CoordinatesToCellName(slices.Index(h.heads, head)+1, h.first+row)
	require.NoError(h.t, err)
	typ, err := h.f.GetCellType(h.sheet, at)
	require.NoError(h.t, err)
	if typ == excelize.CellTypeUnset || typ == excelize.CellTypeNumber {
		return "n"
	}
	return "t"
}

func amount(t *testing.T, s string) points.Amount {
	if s == "" {
		return 0
	}
	a, err := points.Parse(s)
	require.NoError(t, err, s)
	return a
}

func (h handedIn) sum(head string) (sum points.Amount) {
	for _, r := range h.rows {
		sum += amount(h.t, r[head])
	}
	require.Equal(h.t, sum.String(), h.sums[head], head)
	return sum
}

func (w *township) total(q string, args ...any) (out points.Amount) {
	w.t.Helper()
	require.NoError(w.t, w.DB.Read(context.Background(), func(tx db.Tx) error { return tx.Raw(q, args...).Scan(&out).Error }))
	return out
}

func handouts(t *testing.T, w *township) {
	officer, admin := w.login("village"), w.login("township")
	home, village := w.guide.Homes[0], w.guide.Pilot
	v, h := "/villages/"+village.String(), "/households/"+home.ID.String()
	detail := ask[api.HouseholdDetail](officer, "GET", h, nil)
	me := ask[api.Me](officer, "GET", "/auth/me", nil)

	t.Run("statement", func(t *testing.T) {
		s := handIn(officer, h+"/statement.xlsx", "号")
		require.Regexp(t, "镇.+村"+detail.HeadName+"家积分明细.xlsx$", s.name)
		require.Equal(t, s.name, s.above[0]+".xlsx")
		require.Contains(t, s.above[1], "时间：全部")
		require.Contains(t, s.above[2], "导出人："+me.Name)
		require.Regexp(t, `导出时间：2026-11-24 \d\d:\d\d`, s.above[2])
		balance := ask[api.Balance](officer, "GET", h+"/balance", nil).Balance
		require.Equal(t, "上期结余", s.rows[0]["类别"])
		require.Equal(t, "0", s.rows[0]["结余"])
		last := s.rows[len(s.rows)-1]
		require.Equal(t, "期末结余", last["类别"])
		require.Equal(t, balance.String(), last["结余"])
		require.Equal(t, balance, s.sum("增加")-s.sum("减少"))
		running := points.Amount(0)
		for i, r := range s.rows[1 : len(s.rows)-1] {
			running += amount(t, r["增加"]) - amount(t, r["减少"])
			require.Equal(t, running.String(), r["结余"], "line %d", i)
			require.NotEmpty(t, r["为什么"])
		}
		require.Equal(t, "n", s.kind(1, "号"))
		require.Equal(t, "n", s.kind(1, "结余"))
		require.Equal(t, "t", s.kind(1, "为什么"))

		later := handIn(officer, h+"/statement.xlsx?from=2026-11-15&to=2026-11-24", "号")
		require.Contains(t, later.name, "2026年11月15日至2026年11月24日")
		require.Equal(t, balance, amount(t, later.rows[0]["结余"])+later.sum("增加")-later.sum("减少"))
		require.Equal(t, balance.String(), later.rows[len(later.rows)-1]["结余"])
		require.Less(t, len(later.rows), len(s.rows))
	})
	t.Run("person", func(t *testing.T) {
		person := w.total("SELECT MIN(person_id) FROM ledger_txs WHERE book_id = ? AND person_id <> 0", village)
		s := handIn(officer, "/villagers/"+id.ID(person).String()+"/statement.xlsx", "号")
		require.Equal(t, w.total("SELECT SUM(score) FROM ledger_txs WHERE book_id = ? AND person_id = ?", village, int64(person)), s.sum("增加")-s.sum("减少"))
		require.Contains(t, s.name, "得分明细")
	})
	t.Run("awards", func(t *testing.T) {
		list := ask[api.Page[api.Award]](officer, "GET", v+"/awards?limit=1", nil)
		ask[api.AwardOutcome](officer, "POST", v+"/awards/"+itoa(list.Items[0].Number)+"/reverse", api.ReverseInput{Reason: "=SUM(A1:A9) 录入有误"})
		s := handIn(officer, v+"/awards.xlsx", "号")
		// The score of reversed awards and of their reversals cancel out, so what stands is what the ledger has scored by awards.
		ledger := w.total("SELECT SUM(score) FROM ledger_txs WHERE book_id = ? AND asset = 1 AND kind IN (1, 2, 7)", village)
		require.Equal(t, ledger, s.sum("有效积分"))
		require.Equal(t, w.total("SELECT SUM(score) FROM ledger_txs WHERE book_id = ? AND asset = 2 AND kind IN (1, 2, 7)", village), s.sum("有效党员积分"))
		require.Equal(t, fmt.Sprint(list.Items[0].Number), s.rows[0]["号"])
		require.Contains(t, s.rows[0]["状态"], "撤销")
		require.Empty(t, s.rows[0]["有效积分"])
		require.Equal(t, w.total("SELECT COUNT(*) FROM awards WHERE village_id = ?", village), points.Amount(len(s.rows)))
		narrow := handIn(officer, v+"/awards.xlsx?standing=true&from=2026-11-01&to=2026-11-30", "号")
		require.Contains(t, narrow.name, "加减分记录2026年11月.xlsx")
		require.Equal(t, w.total("SELECT COUNT(*) FROM awards WHERE village_id = ? AND state = 1 AND day BETWEEN 20261101 AND 20261130", village), points.Amount(len(narrow.rows)))
		for _, r := range narrow.rows {
			require.Equal(t, "有效", r["状态"])
		}
		s = handIn(officer, h+"/statement.xlsx", "号") // the reversal's reason begins as a formula
		require.NotEmpty(t, s.rows)
	})
	t.Run("redemptions", func(t *testing.T) {
		s := handIn(officer, v+"/redemptions.xlsx?month=2026-11", "号")
		totals := ask[api.Totals](officer, "GET", v+"/totals?month=2026-11", nil)
		var pts, back points.Amount
		var fen int64
		for _, x := range totals.Items {
			pts, back, fen = pts+x.Points, back+x.RefundedPoints, fen+int64(x.Yuan)
		}
		require.Equal(t, pts, s.sum("积分"))
		require.Equal(t, back, s.sum("已退积分"))
		require.Equal(t, fmt.Sprintf("%d.%02d", fen/100, fen%100), s.sums["应付（元）"])
		require.Equal(t, "n", s.kind(0, "应付（元）"))
		require.Equal(t, "t", s.kind(0, "户码"))
	})
	t.Run("board", func(t *testing.T) {
		s := handIn(officer, "/boards.xlsx?period=all&scope="+village.String(), "名次")
		b := ask[api.Board](officer, "GET", "/boards?limit=200&period=all&scope="+village.String(), nil)
		require.Len(t, s.rows, b.Total)
		var sum points.Amount
		for i, r := range b.Items {
			require.Equal(t, r.Name, s.rows[i]["户"])
			require.Equal(t, itoa(int64(r.Rank)), s.rows[i]["名次"])
			sum += r.Score
		}
		require.Equal(t, sum, s.sum("累计积分"))
		require.Contains(t, s.name, "积分榜（户）累计.xlsx")
	})
	t.Run("standings", func(t *testing.T) {
		s := handIn(officer, v+"/standings.xlsx?quarter=2026-Q4", "党支部")
		n, sum := 0, points.Amount(0)
		for _, st := range ask[api.Standings](officer, "GET", v+"/standings?quarter=2026-Q4", nil).Items {
			n += len(st.Ranked) + len(st.Exempt)
			for _, p := range slices.Concat(st.Ranked, st.Exempt) {
				sum += p.Earned
			}
		}
		require.Len(t, s.rows, n)
		require.Equal(t, sum, s.sum("本季度得分"))
		members := ask[api.PartyMembers](officer, "GET", v+"/party-members", nil)
		m := handIn(officer, "/party-members/"+members.Items[0].ID.String()+"/statement.xlsx", "号")
		require.Contains(t, m.name, members.Items[0].Name+"党员积分明细")
	})
	t.Run("households", func(t *testing.T) {
		s := handIn(officer, "/households.xlsx?village="+village.String(), "户码")
		require.Equal(t, w.total("SELECT COUNT(*) FROM households WHERE village_id = ? AND state = 1", village), points.Amount(len(s.rows)))
		require.Equal(t, w.total("SELECT SUM(balance) FROM accounts WHERE book_id = ? AND kind = 1", village), s.sum("可用积分"))
		require.Equal(t, w.total("SELECT SUM(points) FROM scores WHERE village_id = ? AND asset = 1 AND kind = 1 AND month BETWEEN 202601 AND 202612", village), s.sum("2026年得分"))
		one := handIn(officer, "/households.xlsx?village="+village.String()+"&q="+url.QueryEscape(detail.Code), "户码")
		require.Len(t, one.rows, 1)
		require.Equal(t, detail.CodeText, one.rows[0]["户码"])
	})
	t.Run("audit, and too much of it", func(t *testing.T) {
		evil := "=cmd|' /C calc'!A0"
		write := func(n int) {
			entries := make([]audit.Entry, n)
			for i := range entries {
				entries[i] = audit.Entry{ActorName: "+1", Action: "award.grant", Summary: evil, Village: village}
			}
			require.NoError(t, w.DB.Tx(context.Background(), func(tx db.Tx) error { return audit.Write(tx, entries...) }))
		}
		write(1)
		path := "/audit.xlsx?region=" + village.String()
		s := handIn(admin, path+"&action=award.grant", "时间")
		require.Equal(t, evil, s.rows[0]["内容"])
		require.Equal(t, "t", s.kind(0, "内容"))
		require.Equal(t, "t", s.kind(0, "操作人"))
		require.Equal(t, "加减分", s.rows[0]["做了什么"])
		for range 10 {
			write(2_000)
		}
		a := admin.send("GET", path, nil)
		require.Equal(t, 422, a.status, "%s", a.body)
		require.Contains(t, string(a.body), "要导出的超过 20000 行，请选一段较短的日期")
		require.Equal(t, 200, admin.send("GET", path+"&to=2026-11-23", nil).status)
	})
	t.Run("whose it is not", func(t *testing.T) {
		var elsewhere struct{ ID, VillageID id.ID }
		require.NoError(t, w.DB.Read(context.Background(), func(tx db.Tx) error {
			return tx.Raw("SELECT id, village_id FROM households WHERE village_id <> ? LIMIT 1", village).Scan(&elsewhere).Error
		}))
		house, other := "/households/"+elsewhere.ID.String(), "/villages/"+elsewhere.VillageID.String()
		for _, path := range []string{house + "/statement.xlsx", other + "/awards.xlsx", other + "/redemptions.xlsx", other + "/standings.xlsx",
			"/households.xlsx?village=" + elsewhere.VillageID.String(), "/audit.xlsx?region=" + elsewhere.VillageID.String()} {
			require.Equal(t, "not_found", officer.code("GET", path, nil), path)
			require.Equal(t, "auth.forbidden", w.villager(home).code("GET", path, nil), path)
			require.Equal(t, "auth.required", caller{w: w}.code("GET", path, nil), path)
		}
		mine := handIn(officer, "/households.xlsx", "户码")
		require.Equal(t, w.total("SELECT COUNT(*) FROM households WHERE village_id = ? AND state = 1", village), points.Amount(len(mine.rows)), "without a village: what is in reach")
	})
}
