package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"jishan/internal/board"
	"jishan/internal/cal"
	"jishan/internal/errs"
	"jishan/internal/ledger"
	"jishan/internal/points"
	"jishan/internal/public"
	"jishan/internal/qr"
)

// publicPrefix is where the pages for anyone live.
const publicPrefix = "/public"

// publicPolicy lets a public page send its own forms, and otherwise what pagePolicy allows.
const publicPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

const (
	publicRows  = 50 // lines of a board on a page
	publicSeals = 31 // seals on a page: a month
)

// ErrNumber is a number that cannot be one of a ledger.
var ErrNumber = errs.Define(errs.Invalid, "public.number", "请填账上的号数，例如 1234")

var publicPages = func() map[string]*template.Template {
	layout := template.Must(template.New("layout.html").Funcs(template.FuncMap{
		"spaced": spaced, "signed": signed, "sums": func() map[string]string { return sumNames },
	}).ParseFS(pageFiles, "pages/public/layout.html"))
	out := map[string]*template.Template{}
	for _, name := range []string{"villages", "board", "seals", "seal", "check", "how", "problem"} {
		out[name] = template.Must(template.Must(layout.Clone()).ParseFS(pageFiles, "pages/public/"+name+".html"))
	}
	return out
}()

// spaced is a hash in groups of four, as one reads it out.
func spaced(hash string) string {
	var b strings.Builder
	for i := 0; i < len(hash); i += 4 {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(hash[i:min(i+4, len(hash))])
	}
	return b.String()
}

// signed is an amount with its sign, gains too.
func signed(a points.Amount) string {
	if a > 0 {
		return "+" + a.String()
	}
	return a.String()
}

// publicView is what a public page shows.
type publicView struct {
	Title   string
	Village public.Village // zero where the page is not about one
	Tab     string         // of the village's pages: board, seals, check
	Data    any
}

// publicPages are for anyone: no log-in, no script needed, nothing from elsewhere.
func (s *Server) publicPages() {
	g := s.gin.Group("", s.crowd)
	get := func(route string, h func(*gin.Context) (string, publicView, error)) {
		g.GET(publicPrefix+route, func(gc *gin.Context) { s.publicAnswer(gc, h) })
	}
	village := func(h func(*gin.Context, public.Village) (string, publicView, error)) func(*gin.Context) (string, publicView, error) {
		return func(gc *gin.Context) (string, publicView, error) {
			v, err := s.deps.Public.Village(gc.Request.Context(), gc.Param("code"))
			if err != nil {
				return "", publicView{}, err
			}
			return h(gc, v)
		}
	}
	g.GET(publicPrefix, func(gc *gin.Context) { gc.Redirect(http.StatusMovedPermanently, publicPrefix+"/") })
	for name, kind := range map[string]string{"public.css": "text/css; charset=utf-8", "check.js": "text/javascript; charset=utf-8"} {
		g.GET(publicPrefix+"/"+name, func(gc *gin.Context) {
			b, err := pageFiles.ReadFile("pages/public/" + name)
			if err != nil {
				s.writeProblem(gc, err)
				return
			}
			gc.Header("Cache-Control", openAge)
			gc.Data(http.StatusOK, kind, b)
		})
	}
	get("/", s.villagesPage)
	get("/how", func(*gin.Context) (string, publicView, error) { return "how", publicView{Title: "怎么核对"}, nil })
	get("/:code", village(s.boardPage))
	get("/:code/seals", village(s.sealsPage))
	get("/:code/seals/:day", village(s.sealPage))
	get("/:code/check", village(s.checkPage))
}

// publicAnswer renders a page, or says in Chinese why there is none.
func (s *Server) publicAnswer(gc *gin.Context, h func(*gin.Context) (string, publicView, error)) {
	stateOf(gc.Request.Context()).operation = "public-page"
	gc.Header("Content-Security-Policy", publicPolicy)
	problem := func(err error) {
		p := s.problem(gc.Request.Context(), err)
		for k, v := range p.GetHeaders() {
			gc.Writer.Header()[k] = v
		}
		s.render(gc, p.Status, "problem", publicView{Title: "查不到", Data: p})
	}
	s.open(gc, func() {
		name, view, err := h(gc)
		if err != nil {
			problem(err)
			return
		}
		s.render(gc, http.StatusOK, name, view)
	}, problem)
}

func (s *Server) render(gc *gin.Context, status int, name string, view publicView) {
	var b bytes.Buffer
	if err := publicPages[name].Execute(&b, view); err != nil {
		s.writeProblem(gc, fmt.Errorf("rendering the page %s: %w", name, err))
		return
	}
	gc.Data(status, "text/html; charset=utf-8", b.Bytes())
}

func (s *Server) villagesPage(gc *gin.Context) (string, publicView, error) {
	list, err := s.deps.Public.Villages(gc.Request.Context())
	type township struct {
		Name     string
		Villages []public.Village
	}
	var data []*township
	for _, v := range list {
		i := slices.IndexFunc(data, func(t *township) bool { return t.Name == v.Township })
		if i < 0 {
			i, data = len(data), append(data, &township{Name: v.Township})
		}
		data[i].Villages = append(data[i].Villages, v)
	}
	return "villages", publicView{Title: "村务积分公开", Data: data}, err
}

// choice is one option of a form.
type choice struct {
	Value, Name string
	Chosen      bool
}

type boardData struct {
	Rows                       []board.Row
	Total                      int
	Period                     string
	Periods, Groups, Subjects  []choice
	Before, After              string // links; empty at the ends
	GroupName, SubjectName, By string
}

func (s *Server) boardPage(gc *gin.Context, v public.Village) (string, publicView, error) {
	ctx := gc.Request.Context()
	subject := board.Subject(gc.DefaultQuery("subject", string(board.Household)))
	period := s.orThisMonth(cal.Period{})
	if text := gc.Query("period"); text != "" {
		p, err := cal.ParsePeriod(text)
		if err != nil {
			return "", publicView{}, board.ErrPeriod.Wrap(err)
		}
		period = p
	}
	n, _ := strconv.Atoi(gc.Query("page")) // what is no number is the first page
	n = min(max(n, 1), 10_000)
	q := public.BoardQuery{Group: gc.Query("group"), Subject: subject, Period: period, Offset: (n - 1) * publicRows, Limit: publicRows}
	page, err := s.deps.Public.Board(ctx, v, q)
	if err != nil {
		return "", publicView{}, err
	}
	periods, err := s.deps.Public.Periods(ctx, v, subject)
	if err != nil {
		return "", publicView{}, err
	}
	if !slices.Contains(periods, period) {
		periods = append(periods, period)
	}
	d := boardData{Rows: page.Rows, Total: page.Total, Period: period.Chinese(), SubjectName: "各户", Groups: []choice{{"", "全村", q.Group == ""}}}
	for _, p := range periods {
		d.Periods = append(d.Periods, choice{p.String(), p.Chinese(), p == period})
	}
	for _, g := range v.Groups {
		if g.Closed && g.Code != q.Group { // offered only for what it earned
			q := q
			q.Group, q.Offset, q.Limit = g.Code, 0, 1
			some, err := s.deps.Public.Board(ctx, v, q)
			if err != nil {
				return "", publicView{}, err
			}
			if some.Total == 0 {
				continue
			}
		}
		d.Groups = append(d.Groups, choice{g.Code, g.Name, g.Code == q.Group})
		if g.Code == q.Group {
			d.GroupName = g.Name
		}
	}
	d.Subjects = []choice{{string(board.Household), "各户", subject == board.Household}, {string(board.Person), "个人", subject == board.Person}}
	if subject == board.Person {
		d.SubjectName = "个人"
	}
	link := func(n int) string {
		u := gc.Request.URL.Query()
		u.Set("page", strconv.Itoa(n))
		return "?" + u.Encode()
	}
	if n > 1 {
		d.Before = link(n - 1)
	}
	if n*publicRows < page.Total {
		d.After = link(n + 1)
	}
	return "board", publicView{Title: v.Name + "积分榜", Village: v, Tab: "board", Data: d}, nil
}

func (s *Server) sealsPage(gc *gin.Context, v public.Village) (string, publicView, error) {
	var before cal.Day
	if text := gc.Query("before"); text != "" {
		day, err := cal.ParseDay(text)
		if err != nil {
			return "", publicView{}, errs.ErrNotFound.Wrap(err)
		}
		before = day
	}
	list, err := s.deps.Public.Seals(gc.Request.Context(), v, before, publicSeals+1)
	data := struct {
		Seals   []PublicSeal
		Older   string
		Newest  bool
		ListURL string
	}{Newest: before == 0, ListURL: Prefix + "/public/villages/" + v.Code + "/seals.txt"}
	if len(list) > publicSeals {
		list = list[:publicSeals]
		data.Older = "?before=" + list[publicSeals-1].Day.String()
	}
	data.Seals = mapped(list, sealOut)
	return "seals", publicView{Title: v.Name + "日封", Village: v, Tab: "seals", Data: data}, err
}

func (s *Server) sealPage(gc *gin.Context, v public.Village) (string, publicView, error) {
	day, err := cal.ParseDay(gc.Param("day"))
	if err != nil {
		return "", publicView{}, errs.ErrNotFound.Wrap(err)
	}
	x, err := s.deps.Public.Seal(gc.Request.Context(), v, day)
	if err != nil {
		return "", publicView{}, err
	}
	address := s.sealPageOf(v.Code, day)
	code, err := qr.SVG(address)
	return "seal", publicView{Title: fmt.Sprintf("%s %s 日封", v.Name, day), Village: v, Tab: "seals", Data: struct {
		PublicSeal
		Text, Address, FileURL string
		QR                     template.URL
	}{sealOut(x), string(x.Canonical()), address, Prefix + "/public/villages/" + v.Code + "/seals/" + day.String(), dataURL(code)}}, err
}

// dataURL is a drawing of our own as the address of an image.
func dataURL(svg []byte) template.URL {
	return template.URL("data:image/svg+xml," + percent(string(svg)))
}

func (s *Server) checkPage(gc *gin.Context, v public.Village) (string, publicView, error) {
	type data struct {
		Number  string
		Printed string // day of the seal on the reader's paper, as asked for
		Found   *public.Record
		Hash    string
		Prev    string
		Booked  string
		Proof   string
		Chain   string // the seals from the transaction's to the printed one, JSON
		JSON    string
		SealDay string
		Problem string
	}
	d := data{Number: strings.TrimSpace(gc.Query("number")), Printed: strings.TrimSpace(gc.Query("seal"))}
	view := publicView{Title: v.Name + "查一号账", Village: v, Tab: "check", Data: &d}
	if d.Number == "" {
		return "check", view, nil
	}
	number, err := strconv.ParseInt(d.Number, 10, 64)
	if err != nil || number < 1 {
		d.Problem = ErrNumber.Text
		return "check", view, nil
	}
	r, err := s.deps.Public.Transaction(gc.Request.Context(), v, number)
	if errors.Is(err, errs.ErrNotFound) {
		d.Problem = fmt.Sprintf("账上还没有第 %d 号，最新的是第 %d 号。", number, v.Last)
		return "check", view, nil
	}
	if err != nil {
		return "", publicView{}, err
	}
	d.Found, d.Hash, d.Prev = &r, hex(r.Hash), hex(r.Prev)
	d.Booked = instant(r.At).In(cal.Shanghai).Format("2006-01-02 15:04")
	d.JSON = fmt.Sprintf("%s/public/villages/%s/transactions/%d", Prefix, v.Code, number)
	if r.State == public.Proven {
		proof, err := json.MarshalIndent(recordOut(r).Proof, "", "  ")
		if err != nil {
			return "", publicView{}, fmt.Errorf("writing a proof: %w", err)
		}
		d.Proof, d.SealDay = string(proof), r.Seal.Day.String()
		d.Chain, d.Problem, err = s.chainTo(gc.Request.Context(), v, r.Seal.Day, d.Printed)
	}
	return "check", view, err
}

// chainTo is the seals that lead from a day's to the one on the reader's paper, as their canonical texts; with why there are none.
// An empty day asks for nothing.
func (s *Server) chainTo(ctx context.Context, v public.Village, from cal.Day, printed string) (chain, problem string, err error) {
	if printed == "" {
		return "", "", nil
	}
	to, err := cal.ParseDay(printed)
	if err != nil {
		return "", "公告上日封的日期要像 " + from.String() + " 这样填。", nil
	}
	if to < from {
		return "", fmt.Sprintf("公告上印的是 %s 的日封，这一号在 %s 才封存：请用这一天或以后的公告核对。", to, from), nil
	}
	list, err := s.deps.Public.Chain(ctx, v, from, to)
	switch {
	case errors.Is(err, errs.ErrNotFound):
		return "", fmt.Sprintf("没有 %s 的日封：请核对公告上印的日期。印得没错的话，就是账被改动过，请告诉乡镇。", to), nil
	case errors.Is(err, public.ErrChain):
		return "", public.ErrChain.Text + "。", nil
	case err != nil:
		return "", "", err
	}
	texts, err := json.Marshal(mapped(list, func(x ledger.DaySeal) string { return string(x.Canonical()) }))
	if err != nil {
		return "", "", fmt.Errorf("writing a chain of seals: %w", err)
	}
	return string(texts), "", nil
}
