package api

import (
	"bytes"
	"context"
	"io"

	"jishan/internal/auth"
	"jishan/internal/errs"
	"jishan/internal/people"
)

const xlsxType = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

// SheetProblem is what is wrong with one row of a sheet.
type SheetProblem struct {
	Row  string `json:"row" doc:"第几行，按 Excel 的行号"`
	Text string `json:"text"`
}

// RosterReport is what an import of a roster did, or would do.
type RosterReport struct {
	Rows          int            `json:"rows"`
	NewHouseholds int            `json:"new_households"`
	NewVillagers  int            `json:"new_villagers"`
	Changed       int            `json:"changed" doc:"信息有变更的村民"`
	Moved         int            `json:"moved" doc:"其中换了户的"`
	Unchanged     int            `json:"unchanged"`
	Written       bool           `json:"written" doc:"是否已经写入"`
	Problems      []SheetProblem `json:"problems"`
}

// ImportQuery is how to treat a sheet.
type ImportQuery struct {
	ByID
	Preview bool `query:"preview" doc:"只检查，不写入"`
	SkipBad bool `query:"skip_bad" doc:"有问题的行跳过，其余照常写入"`
}

func problemsOut(fields []errs.Field) []SheetProblem {
	return mapped(fields, func(f errs.Field) SheetProblem { return SheetProblem{f.Path, f.Text} })
}

func (s *Server) rosterOps() {
	register(s, Op{ID: "roster-import", Method: "POST", Path: "/villages/{id}/roster/import", Summary: "导入花名册",
		Note: "重复导入不会重复登记。preview 只检查；有问题的行会列出来，没有 skip_bad 就一行也不写。", Tag: tagPeople, Perm: auth.PeopleWrite, Audience: Officers, Upload: true},
		func(ctx context.Context, c *Call, in *ImportQuery) (RosterReport, error) {
			r, err := s.deps.People.ImportRoster(ctx, c.Actor, in.ID.V, c.Upload.Data, people.ImportOptions{Preview: in.Preview, SkipBad: in.SkipBad})
			if err != nil {
				return RosterReport{}, err
			}
			return RosterReport{r.Rows, r.NewHouseholds, r.NewVillagers, r.Changed, r.Moved, r.Unchanged, r.Written, problemsOut(r.Problems)}, nil
		})
	registerFile(s, Op{ID: "roster-problems", Method: "POST", Path: "/villages/{id}/roster/import/problems", Summary: "检查花名册，取回有问题的行",
		Note: "回答是一份 Excel，只含有问题的行和原因，改好后可再导入。什么也不写入。", Tag: tagPeople, Perm: auth.PeopleWrite, Audience: Officers, Upload: true},
		func(ctx context.Context, c *Call, in *ByID) (*file, error) {
			r, err := s.deps.People.ImportRoster(ctx, c.Actor, in.ID.V, c.Upload.Data, people.ImportOptions{Preview: true})
			if err != nil {
				return nil, err
			}
			return workbook("花名册-有问题的行.xlsx", r.WriteProblems)
		})
	registerFile(s, Op{ID: "roster-template", Method: "GET", Path: "/templates/roster.xlsx", Summary: "花名册模板", Tag: tagPeople, Perm: auth.PeopleRead, Audience: Officers},
		func(context.Context, *Call, *struct{}) (*file, error) {
			return workbook("花名册模板.xlsx", people.RosterTemplate)
		})
}

// workbook is an Excel file to be downloaded.
func workbook(name string, write func(io.Writer) error) (*file, error) {
	var buf bytes.Buffer
	if err := write(&buf); err != nil {
		return nil, err
	}
	return attachment(name, xlsxType, buf.Bytes()), nil
}
