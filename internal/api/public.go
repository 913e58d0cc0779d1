package api

import (
	"context"
	"fmt"
	"strings"
	"time"

	"jishan/internal/auth"
	"jishan/internal/board"
	"jishan/internal/cal"
	"jishan/internal/ledger"
	"jishan/internal/points"
	"jishan/internal/public"
)

const tagPublic = "公开"

// PublicVillage is a village that publishes.
type PublicVillage struct {
	Code     string        `json:"code" doc:"区划代码"`
	Name     string        `json:"name"`
	Township string        `json:"township" doc:"所在乡镇"`
	Last     int64         `json:"last,omitempty" doc:"账上最新的一号；列表里没有"`
	Groups   []PublicPlace `json:"groups,omitempty" doc:"各组；列表里没有"`
	Seal     *PublicSeal   `json:"seal,omitempty" doc:"最近的日封；列表里没有"`
	Page     string        `json:"page" doc:"公开页面的地址"`
}

// PublicPlace is a group.
type PublicPlace struct {
	Code string `json:"code"`
	Name string `json:"name"`
}

// PublicVillages is a list of them.
type PublicVillages struct {
	Items []PublicVillage `json:"items"`
}

// PublicRow is one line of a public board.
type PublicRow struct {
	Rank      int           `json:"rank" doc:"同分同名次：1、2、2、4"`
	Name      string        `json:"name" doc:"打了星号的姓名"`
	GroupName string        `json:"group_name,omitempty"`
	Score     points.Amount `json:"score"`
	Trend     string        `json:"trend,omitempty" enum:"up,down,same,new" doc:"与上一时段相比"`
	By        int           `json:"by,omitempty" doc:"升降多少名"`
}

// PublicBoard is a part of a public board.
type PublicBoard struct {
	Items      []PublicRow `json:"items"`
	Total      int         `json:"total" doc:"榜上共多少"`
	Period     Period      `json:"period"`
	PeriodName string      `json:"period_name"`
}

// PublicSeal is a village's seal of one day.
type PublicSeal struct {
	Day   cal.Day     `json:"day"`
	First int64       `json:"first" doc:"从第几号"`
	Last  int64       `json:"last" doc:"到第几号"`
	Hash  string      `json:"hash" doc:"日封的指纹"`
	Short string      `json:"short" doc:"指纹的前 20 位，四位一组：印在纸上、抄来比对的就是这些"`
	Head  string      `json:"head" doc:"最后一号的指纹"`
	Root  string      `json:"root" doc:"这一天各号指纹的树根"`
	Prev  string      `json:"prev" doc:"上一封的指纹"`
	At    time.Time   `json:"at" doc:"封存的时间"`
	Sums  []PublicSum `json:"sums" doc:"这一天各类变动的合计，只列不为零的"`
}

// PublicSum is one of a seal's sums.
type PublicSum struct {
	Name   string        `json:"name"`
	Points points.Amount `json:"points"`
}

// PublicProof shows that a transaction is one of those that a day seal covers.
type PublicProof struct {
	Format string    `json:"format" doc:"jishan-proof-1，见 docs/ledger-format.md"`
	Book   string    `json:"book"`
	Number int64     `json:"number"`
	Hash   string    `json:"hash"`
	Text   string    `json:"text,omitempty" doc:"这一号可以公开的部分，指纹就是它的 SHA-256；党员积分不给"`
	Path   []string  `json:"path"`
	Seal   ProofSeal `json:"seal"`
}

// ProofSeal is the day seal that a proof leads to.
type ProofSeal struct {
	Hash string `json:"hash"`
	Text string `json:"text"`
}

// PublicTransaction is one numbered transaction as anyone may see it.
type PublicTransaction struct {
	Number    int64          `json:"number"`
	Last      int64          `json:"last" doc:"账上最新的一号"`
	Hash      string         `json:"hash" doc:"本号的指纹"`
	Previous  string         `json:"previous" doc:"上一号的指纹"`
	At        time.Time      `json:"at" doc:"记账时间"`
	Asset     string         `json:"asset" enum:"points,party" doc:"party：党员积分，不公开内容"`
	Kind      string         `json:"kind,omitempty" enum:"award,deduct,redeem,refund,expire,settle,reverse,opening,transfer"`
	KindName  string         `json:"kind_name,omitempty"`
	Day       *cal.Day       `json:"day,omitempty" doc:"事情发生的日期"`
	Moved     *points.Amount `json:"moved,omitempty" doc:"变动了多少积分"`
	Score     *points.Amount `json:"score,omitempty" doc:"累计积分的变动"`
	Reverses  int64          `json:"reverses,omitempty" doc:"撤销的是第几号"`
	Household string         `json:"household,omitempty" doc:"户主，打了星号"`
	State     string         `json:"state" enum:"proven,unsealed,broken" doc:"有证明、当天还没有封存、与当天的日封对不上"`
	Proof     *PublicProof   `json:"proof,omitempty"`
}

// sumNames are the sums of a seal as screens show them.
var sumNames = map[string]string{"awarded": "加分", "deducted": "扣分", "redeemed": "兑换", "refunded": "退货", "expired": "过期", "settled": "结算", "reversed": "撤销",
	"opening": "期初", "score": "累计积分变动", "party": "党员积分变动"}

func sealOut(s ledger.DaySeal) PublicSeal {
	out := PublicSeal{Day: s.Day, First: s.First, Last: s.Number, Hash: hex(s.Hash), Short: spaced(hex(s.Hash)[:ledger.ShortSeal]), Head: hex(s.Head), Root: hex(s.Root), Prev: hex(s.Prev), At: instant(s.At), Sums: []PublicSum{}}
	for _, x := range s.Sums.List() {
		if x.Amount != 0 {
			out.Sums = append(out.Sums, PublicSum{sumNames[x.Name], x.Amount})
		}
	}
	return out
}

func recordOut(r public.Record) PublicTransaction {
	out := PublicTransaction{Number: r.Number, Last: r.Last, Hash: hex(r.Hash), Previous: hex(r.Prev), At: instant(r.At), Asset: assets[r.Asset], State: string(r.State)}
	if r.Asset == ledger.Points {
		out.Kind, out.KindName, out.Day, out.Moved, out.Score = kinds[r.Kind], r.Kind.Name(), &r.Day, &r.Moved, &r.Score
		out.Reverses, out.Household = r.Reverses, r.Household
	}
	if r.State == public.Proven {
		p := r.Proof
		out.Proof = &PublicProof{Format: p.Format, Book: p.Book.String(), Number: p.Number, Hash: p.Hash, Text: p.Text, Path: p.Path, Seal: ProofSeal(p.Seal)}
	}
	return out
}

// publicPage is the address of a village's public page, for print and QR codes.
func (s *Server) publicPage(code string) string {
	return s.deps.Config.BaseURL() + publicPrefix + "/" + code
}

// sealPageOf is the address of the page of one of its seals.
func (s *Server) sealPageOf(code string, day cal.Day) string {
	return s.publicPage(code) + "/seals/" + day.String()
}

func (s *Server) publicVillage(v public.Village) PublicVillage {
	return PublicVillage{Code: v.Code, Name: v.Name, Township: v.Township, Last: v.Last, Page: s.publicPage(v.Code),
		Groups: mapped(v.Groups, func(g public.Place) PublicPlace { return PublicPlace{g.Code, g.Name} })}
}

// sealFile is the text whose SHA-256 is the seal's hash, as somebody keeps it.
func sealFile(v public.Village, x ledger.DaySeal) *file {
	return attachment(fmt.Sprintf("%s-%s-日封.txt", v.Name, x.Day), "text/plain; charset=utf-8", x.Canonical())
}

// maxSealLines is how many seals the list to keep has: some years of days.
const maxSealLines = 2000

// sealList is a line a seal, newest first: day, numbers covered, hash.
func sealList(v public.Village, list []ledger.DaySeal) *file {
	var b strings.Builder
	for _, x := range list {
		fmt.Fprintf(&b, "%s %d %d %x\n", x.Day, x.First, x.Number, x.Hash)
	}
	return attachment(v.Name+"-日封.txt", "text/plain; charset=utf-8", []byte(b.String()))
}

func (s *Server) publicOps() {
	op := func(id, path, summary, note string) Op {
		return Op{ID: id, Method: "GET", Path: "/public" + path, Summary: summary, Note: note, Tag: tagPublic, Perm: auth.Public, Audience: Anybody, Open: true}
	}
	type ByCode struct {
		Code string `path:"code" maxLength:"20" doc:"村的区划代码"`
	}
	type ByDay struct {
		ByCode
		Day Date `path:"day" doc:"日期，如 2026-11-23"`
	}
	const policy = "只有在本村设置里选了对外公开的村；姓名一律打星号。"

	register(s, op("public-villages", "/villages", "对外公开的村", policy),
		func(ctx context.Context, _ *Call, _ *struct{}) (PublicVillages, error) {
			list, err := s.deps.Public.Villages(ctx)
			return PublicVillages{mapped(list, s.publicVillage)}, err
		})
	register(s, op("public-village", "/villages/{code}", "一个村公开了什么", policy),
		func(ctx context.Context, _ *Call, in *ByCode) (out PublicVillage, err error) {
			v, err := s.deps.Public.Village(ctx, in.Code)
			if err != nil {
				return out, err
			}
			out = s.publicVillage(v)
			seals, err := s.deps.Public.Seals(ctx, v, 0, 1)
			if len(seals) > 0 {
				out.Seal = ptr(sealOut(seals[0]))
			}
			return out, err
		})
	register(s, op("public-board", "/villages/{code}/board", "公开的积分榜", "从第 offset 名之后起。"+policy),
		func(ctx context.Context, _ *Call, in *struct {
			ByCode
			Group   string `query:"group" maxLength:"20" doc:"组的代码；不填为全村"`
			Subject string `query:"subject" enum:"household,person" default:"household"`
			Period  Period `query:"period" doc:"不填为本月"`
			Offset  int    `query:"offset" minimum:"0" maximum:"1000000"`
			Limit   int    `query:"limit" default:"20" minimum:"1" maximum:"200"`
		}) (out PublicBoard, err error) {
			v, err := s.deps.Public.Village(ctx, in.Code)
			if err != nil {
				return out, err
			}
			period := s.orThisMonth(in.Period.V)
			page, err := s.deps.Public.Board(ctx, v, public.BoardQuery{Group: in.Group, Subject: board.Subject(in.Subject), Period: period, Offset: in.Offset, Limit: in.Limit})
			return PublicBoard{Total: page.Total, Period: Period{period}, PeriodName: period.Chinese(), Items: mapped(page.Rows, func(r board.Row) PublicRow {
				return PublicRow{r.Rank, r.Name, r.GroupName, r.Score, string(r.Movement.Trend), r.Movement.By}
			})}, err
		})
	register(s, op("public-seals", "/villages/{code}/seals", "一个村的日封", "新的在前。"),
		func(ctx context.Context, _ *Call, in *struct {
			ByCode
			PageQuery
		}) (out Page[PublicSeal], err error) {
			before, err := position[cal.Day](in.Cursor)
			if err != nil {
				return out, err
			}
			v, err := s.deps.Public.Village(ctx, in.Code)
			if err != nil {
				return out, err
			}
			list, err := s.deps.Public.Seals(ctx, v, before, in.Limit+1)
			if len(list) > in.Limit {
				list = list[:in.Limit]
				out.Next = cursor(list[in.Limit-1].Day)
			}
			out.Items = mapped(list, sealOut)
			return out, err
		})
	registerFile(s, op("public-seal-list", "/villages/{code}/seals.txt", "下载一个村的日封清单", "一行一封，新的在前：日期、从第几号、到第几号、指纹。可以自己存着。"),
		func(ctx context.Context, _ *Call, in *ByCode) (*file, error) {
			v, err := s.deps.Public.Village(ctx, in.Code)
			if err != nil {
				return nil, err
			}
			list, err := s.deps.Public.Seals(ctx, v, 0, maxSealLines)
			return sealList(v, list), err
		})
	registerFile(s, op("public-seal", "/villages/{code}/seals/{day}", "下载一天的日封", "这段文字的 SHA-256 就是日封的指纹。可以自己存着。"),
		func(ctx context.Context, _ *Call, in *ByDay) (*file, error) {
			v, err := s.deps.Public.Village(ctx, in.Code)
			if err != nil {
				return nil, err
			}
			x, err := s.deps.Public.Seal(ctx, v, in.Day.V)
			return sealFile(v, x), err
		})
	register(s, op("public-transaction", "/villages/{code}/transactions/{number}", "查账上的第几号", "连同可以自己核算的证明。不含事由；党员积分不公开内容。"+policy),
		func(ctx context.Context, _ *Call, in *struct {
			ByCode
			Number int64 `path:"number" minimum:"1"`
		}) (out PublicTransaction, err error) {
			v, err := s.deps.Public.Village(ctx, in.Code)
			if err != nil {
				return out, err
			}
			r, err := s.deps.Public.Transaction(ctx, v, in.Number)
			return recordOut(r), err
		})
}

func (s *Server) orThisMonth(p cal.Period) cal.Period {
	if p.Kind == "" {
		return cal.Period{Kind: cal.ByMonth, N: int32(cal.MonthOf(s.deps.DB.Now()))}
	}
	return p
}
