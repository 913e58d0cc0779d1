package api

import (
	"bytes"
	"context"
	"io"
	"time"

	"jishan/internal/auth"
	"jishan/internal/cal"
	"jishan/internal/id"
	"jishan/internal/ledger"
	"jishan/internal/rule"
)

const tagRules = "积分细则"

// RuleBook is a book of rules with its versions, oldest first.
type RuleBook struct {
	ID         id.ID         `json:"id"`
	Region     id.ID         `json:"region" doc:"村或乡镇"`
	Asset      string        `json:"asset" enum:"points,party" doc:"村民积分或党员积分"`
	Name       string        `json:"name"`
	Source     string        `json:"source"`
	Supplement bool          `json:"supplement" doc:"村自设条目：与乡镇细则并用；否则村的细则代替乡镇的"`
	CreatedAt  time.Time     `json:"created_at"`
	Versions   []RuleVersion `json:"versions"`
}

// RuleBooks is a list of books.
type RuleBooks struct {
	Items []RuleBook `json:"items"`
}

// RuleVersion is one edition of a book.
type RuleVersion struct {
	ID           id.ID     `json:"id"`
	Book         id.ID     `json:"book"`
	Number       int       `json:"number" doc:"第几版"`
	Adopted      bool      `json:"adopted" doc:"已表决通过；否则是草稿"`
	From         cal.Day   `json:"from,omitempty" doc:"生效日期"`
	To           cal.Day   `json:"to,omitempty" doc:"失效前的最后一天"`
	Meeting      string    `json:"meeting"`
	AdoptedOn    cal.Day   `json:"adopted_on,omitempty"`
	VotesFor     int       `json:"votes_for"`
	VotesAgainst int       `json:"votes_against"`
	Rules        int       `json:"rules" doc:"多少条"`
	Terms        RuleTerms `json:"terms"`
	TermsText    string    `json:"terms_text" doc:"总上限和自设条目，写成一句话"`
	CreatedAt    time.Time `json:"created_at"`
}

// RuleVersions is a list of versions.
type RuleVersions struct {
	Items []RuleVersion `json:"items"`
}

// RuleOut is a rule of a version.
type RuleOut struct {
	ID       id.ID    `json:"id"`
	Version  id.ID    `json:"version"`
	Book     id.ID    `json:"book"`
	Asset    string   `json:"asset" enum:"points,party"`
	Code     string   `json:"code"`
	Category string   `json:"category"`
	Item     string   `json:"item"`
	Subject  string   `json:"subject" enum:"household,person,member" doc:"记给户、人或党员"`
	Deducts  bool     `json:"deducts" doc:"是扣分"`
	Worth    string   `json:"worth" doc:"分值，写成一句话"`
	CapsText string   `json:"caps_text" doc:"上限，写成一句话"`
	Spec     RuleSpec `json:"spec"`
}

// RuleList is the rules of a version, or those that a search found.
type RuleList struct {
	Items []RuleOut `json:"items"`
}

// RuleVersionDetail is a version with its book and rules.
type RuleVersionDetail struct {
	Book    RuleBook    `json:"book"`
	Version RuleVersion `json:"version"`
	Rules   []RuleOut   `json:"rules"`
}

// RuleInput is a rule to be added or changed.
type RuleInput struct {
	Code     string   `json:"code,omitempty" maxLength:"16" doc:"留空则自动编号"`
	Category string   `json:"category" maxLength:"64"`
	Item     string   `json:"item" minLength:"1" maxLength:"300"`
	Subject  string   `json:"subject" enum:"household,person,member"`
	Spec     RuleSpec `json:"spec"`
}

// RuleBookInput founds a book.
type RuleBookInput struct {
	Region     id.ID  `json:"region"`
	Asset      string `json:"asset,omitempty" enum:"points,party" default:"points"`
	Name       string `json:"name,omitempty" maxLength:"100"`
	Source     string `json:"source,omitempty" maxLength:"200"`
	Supplement bool   `json:"supplement,omitempty" doc:"村自设条目，与乡镇细则并用"`
	Builtin    string `json:"builtin,omitempty" maxLength:"50" doc:"从自带的细则开始，见 /rule-books/builtin"`
}

// BuiltinBook is a book to start from.
type BuiltinBook struct {
	Key    string `json:"key"`
	Asset  string `json:"asset" enum:"points,party"`
	Name   string `json:"name"`
	Source string `json:"source"`
	Rules  int    `json:"rules"`
}

// BuiltinBooks are the books that come with the product.
type BuiltinBooks struct {
	Items []BuiltinBook `json:"items"`
}

// AdoptionInput is the record of the meeting that put a version in force.
type AdoptionInput struct {
	Meeting      string  `json:"meeting" minLength:"1" maxLength:"200"`
	On           cal.Day `json:"on" doc:"会议日期"`
	VotesFor     int     `json:"votes_for" minimum:"0"`
	VotesAgainst int     `json:"votes_against" minimum:"0"`
	From         cal.Day `json:"from" doc:"生效日期"`
}

// RuleImportNote is what a person should know about one row of an imported sheet.
type RuleImportNote struct {
	Row     int    `json:"row" doc:"表里第几行；0 为整张表"`
	Item    string `json:"item"`
	Outcome string `json:"outcome" enum:"combined,partial,check,left_out,heading" doc:"与别行合成一条、部分收入、请核对、没有收入、小标题"`
	Text    string `json:"text"`
}

// RuleImportReport is the result of an import.
type RuleImportReport struct {
	Rows    int              `json:"rows" doc:"表里多少行"`
	Rules   int              `json:"rules" doc:"得到多少条"`
	LeftOut int              `json:"left_out" doc:"多少行没有收入"`
	Terms   string           `json:"terms" doc:"得到的总上限和自设条目，写成一句话"`
	Written bool             `json:"written"`
	Notes   []RuleImportNote `json:"notes"`
}

var ruleSubjects = words[rule.Subject]{rule.Household: "household", rule.Person: "person", rule.Member: "member"}

func versionOut(v rule.Version) RuleVersion {
	return RuleVersion{ID: v.ID, Book: v.Book, Number: v.Number, Adopted: v.Adopted, From: v.From, To: v.To, Meeting: v.Meeting, AdoptedOn: v.AdoptedOn,
		VotesFor: v.VotesFor, VotesAgainst: v.VotesAgainst, Rules: v.Rules, Terms: termsOut(v.Terms), TermsText: v.Terms.Text(), CreatedAt: v.CreatedAt}
}

func bookOut(b rule.Book) RuleBook {
	return RuleBook{ID: b.ID, Region: b.Region, Asset: assets[b.Asset], Name: b.Name, Source: b.Source, Supplement: b.Supplement, CreatedAt: b.CreatedAt, Versions: mapped(b.Versions, versionOut)}
}

func ruleOut(r rule.Rule) RuleOut {
	return RuleOut{ID: r.ID, Version: r.Version, Book: r.Book, Asset: assets[r.Asset], Code: r.Code, Category: r.Category, Item: r.Item,
		Subject: ruleSubjects[r.Subject], Deducts: r.Spec.Deducts(), Worth: r.Spec.Says(), CapsText: rule.FormatCaps(r.Spec.Caps), Spec: specOut(r.Spec)}
}

func (in RuleInput) domain() rule.Input {
	return rule.Input{Code: in.Code, Category: in.Category, Item: in.Item, Subject: ruleSubjects.value(in.Subject), Spec: in.Spec.domain()}
}

func reportOut(r rule.Report, written bool) RuleImportReport {
	return RuleImportReport{Rows: r.Rows, Rules: r.Rules, LeftOut: r.LeftOut(), Terms: r.Terms.Text(), Written: written,
		Notes: mapped(r.Notes, func(n rule.Note) RuleImportNote { return RuleImportNote{n.Row, n.Item, string(n.Outcome), n.Text} })}
}

func assetOr(s string) ledger.Asset {
	if a := assets.value(s); a != 0 {
		return a
	}
	return ledger.Points
}

func (s *Server) ruleOps() {
	read := func(o Op) Op { o.Tag, o.Perm, o.Audience = tagRules, auth.RuleRead, Officers; return o }
	write := func(o Op) Op { o.Tag, o.Perm, o.Audience = tagRules, auth.RuleWrite, Officers; return o }

	register(s, read(Op{ID: "rule-book-list", Method: "GET", Path: "/rule-books", Summary: "村或乡镇的细则", Note: "村还会看到乡镇的细则。草稿只给能修改的人看。"}),
		func(ctx context.Context, c *Call, in *struct {
			Region Key `query:"region" required:"true"`
		}) (RuleBooks, error) {
			list, err := s.deps.Rules.Books(ctx, c.Actor, in.Region.V)
			return RuleBooks{mapped(list, bookOut)}, err
		})
	register(s, read(Op{ID: "rule-book-builtin", Method: "GET", Path: "/rule-books/builtin", Summary: "自带的细则，可作为起点"}),
		func(context.Context, *Call, *struct{}) (BuiltinBooks, error) {
			out := BuiltinBooks{Items: []BuiltinBook{}}
			for _, b := range rule.Builtins() {
				rules, err := b.Rules()
				if err != nil {
					return out, err
				}
				out.Items = append(out.Items, BuiltinBook{b.Key, assets[b.Asset], b.Name, b.Source, len(rules)})
			}
			return out, nil
		})
	register(s, write(Op{ID: "rule-book-create", Method: "POST", Path: "/rule-books", Summary: "新建细则", Note: "带着空白的第 1 版草稿；给出 builtin 就从自带的开始。"}),
		func(ctx context.Context, c *Call, in *struct{ Body RuleBookInput }) (RuleBook, error) {
			b := in.Body
			if b.Builtin != "" {
				book, err := s.deps.Rules.CreateFromBuiltin(ctx, c.Actor, b.Region, b.Builtin, b.Name)
				return bookOut(book), err
			}
			book, err := s.deps.Rules.CreateBook(ctx, c.Actor, rule.NewBook{Region: b.Region, Asset: assetOr(b.Asset), Name: b.Name, Source: b.Source, Supplement: b.Supplement})
			return bookOut(book), err
		})
	register(s, write(Op{ID: "rule-version-create", Method: "POST", Path: "/rule-books/{id}/versions", Summary: "新建一版草稿", Note: "从最后一版抄写而来。"}),
		func(ctx context.Context, c *Call, in *ByID) (RuleVersion, error) {
			v, err := s.deps.Rules.Draft(ctx, c.Actor, in.ID.V)
			return versionOut(v), err
		})
	register(s, write(Op{ID: "rule-version-terms", Method: "PUT", Path: "/rule-versions/{id}/terms", Summary: "修改草稿的总上限和自设条目的范围",
		Note: "总上限按类别或全书合计，对户（党员积分对党员）计；自设条目只有乡镇的细则能留给村。"}),
		func(ctx context.Context, c *Call, in *struct {
			ByID
			Body RuleTerms
		}) (RuleVersion, error) {
			v, err := s.deps.Rules.SetTerms(ctx, c.Actor, in.ID.V, in.Body.domain())
			return versionOut(v), err
		})
	registerEmpty(s, write(Op{ID: "rule-version-delete", Method: "DELETE", Path: "/rule-versions/{id}", Summary: "删除草稿"}),
		func(ctx context.Context, c *Call, in *ByID) error {
			return s.deps.Rules.DeleteDraft(ctx, c.Actor, in.ID.V)
		})
	register(s, read(Op{ID: "rule-version-get", Method: "GET", Path: "/rule-versions/{id}/rules", Summary: "一版的全部条目"}),
		func(ctx context.Context, c *Call, in *ByID) (RuleVersionDetail, error) {
			b, v, rules, err := s.deps.Rules.Version(ctx, c.Actor, in.ID.V)
			return RuleVersionDetail{bookOut(b), versionOut(v), mapped(rules, ruleOut)}, err
		})
	register(s, write(Op{ID: "rule-create", Method: "POST", Path: "/rule-versions/{id}/rules", Summary: "给草稿增加一条"}),
		func(ctx context.Context, c *Call, in *struct {
			ByID
			Body RuleInput
		}) (RuleOut, error) {
			r, err := s.deps.Rules.AddRule(ctx, c.Actor, in.ID.V, in.Body.domain())
			return ruleOut(r), err
		})
	register(s, write(Op{ID: "rule-update", Method: "PUT", Path: "/rules/{id}", Summary: "修改草稿里的一条"}),
		func(ctx context.Context, c *Call, in *struct {
			ByID
			Body RuleInput
		}) (RuleOut, error) {
			r, err := s.deps.Rules.UpdateRule(ctx, c.Actor, in.ID.V, in.Body.domain())
			return ruleOut(r), err
		})
	registerEmpty(s, write(Op{ID: "rule-delete", Method: "DELETE", Path: "/rules/{id}", Summary: "从草稿里删去一条"}),
		func(ctx context.Context, c *Call, in *ByID) error {
			return s.deps.Rules.DeleteRule(ctx, c.Actor, in.ID.V)
		})
	register(s, write(Op{ID: "rule-version-adopt", Method: "POST", Path: "/rule-versions/{id}/adopt", Summary: "登记表决，使草稿生效", Note: "上一版到生效日前一天为止。生效后两版都不能再改。"}),
		func(ctx context.Context, c *Call, in *struct {
			ByID
			Body AdoptionInput
		}) (RuleVersion, error) {
			b := in.Body
			v, err := s.deps.Rules.Adopt(ctx, c.Actor, in.ID.V, rule.Adoption{Meeting: b.Meeting, On: b.On, VotesFor: b.VotesFor, VotesAgainst: b.VotesAgainst, From: b.From})
			return versionOut(v), err
		})
	s.ruleSheetOps(read, write)

	register(s, read(Op{ID: "rule-search", Method: "GET", Path: "/villages/{id}/rules", Summary: "查找本村生效的条目", Note: "最相近的在前；不写查找内容就按细则的顺序全部列出。"}),
		func(ctx context.Context, c *Call, in *struct {
			ByID
			RuleQuery
		}) (RuleList, error) {
			list, err := s.deps.Rules.Search(ctx, c.Actor, in.RuleQuery.domain(in.ID.V))
			return RuleList{mapped(list, ruleOut)}, err
		})
}

// RuleQuery selects rules in force.
type RuleQuery struct {
	Q       string `query:"q" maxLength:"50" doc:"内容、编号、拼音或首字母"`
	Asset   string `query:"asset" enum:"points,party" default:"points"`
	Day     Date   `query:"day" doc:"哪一天生效的，不填为今天"`
	Subject string `query:"subject" enum:"household,person,member"`
	Limit   int    `query:"limit" minimum:"1" maximum:"2000" doc:"最多多少条，不填为全部"`
}

func (q RuleQuery) domain(village id.ID) rule.Query {
	return rule.Query{Village: village, Asset: assetOr(q.Asset), Day: q.Day.V, Text: q.Q, Subject: ruleSubjects.value(q.Subject), Limit: q.Limit}
}

// ruleSheetOps are the rules as Excel.
func (s *Server) ruleSheetOps(read, write func(Op) Op) {
	register(s, write(Op{ID: "rule-version-import", Method: "POST", Path: "/rule-versions/{id}/import", Summary: "从 Excel 导入草稿的条目", Upload: true,
		Note: "替换草稿里原有的条目。preview 只检查。notes 逐行说明没有照原样收入的。"}),
		func(ctx context.Context, c *Call, in *struct {
			ByID
			Preview bool `query:"preview" doc:"只检查，不写入"`
		}) (RuleImportReport, error) {
			file := bytes.NewReader(c.Upload.Data)
			if in.Preview {
				_, r, err := s.deps.Rules.Preview(ctx, c.Actor, in.ID.V, file)
				return reportOut(r, false), err
			}
			r, err := s.deps.Rules.Import(ctx, c.Actor, in.ID.V, file)
			return reportOut(r, true), err
		})
	registerFile(s, read(Op{ID: "rule-version-export", Method: "GET", Path: "/rule-versions/{id}/export.xlsx", Summary: "把一版导出为 Excel", Note: "可以再导入。"}),
		func(ctx context.Context, c *Call, in *ByID) (*file, error) {
			return workbook("积分细则.xlsx", func(w io.Writer) error { return s.deps.Rules.Export(ctx, c.Actor, in.ID.V, w) })
		})
	registerFile(s, read(Op{ID: "rule-template", Method: "GET", Path: "/templates/rules.xlsx", Summary: "细则的 Excel 模板"}),
		func(_ context.Context, _ *Call, in *struct {
			Asset string `query:"asset" enum:"points,party" default:"points"`
		}) (*file, error) {
			return workbook("积分细则模板.xlsx", func(w io.Writer) error { return rule.Template(w, assetOr(in.Asset)) })
		})
}
