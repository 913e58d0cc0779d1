package api

import (
	"context"
	"time"

	"jishan/internal/auth"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/people"
)

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
	Problems      []SheetProblem `json:"problems" doc:"最多列出 1000 处，全部的在 Excel 里"`
	ProblemCount  int            `json:"problem_count"`
}

// RosterImport is an import in the background.
type RosterImport struct {
	ID        id.ID         `json:"id"`
	Village   id.ID         `json:"village"`
	ActorName string        `json:"actor_name"`
	State     string        `json:"state" enum:"running,done,failed,lost" doc:"lost：服务在途中断，不知写入没有；重新导入不会重复登记"`
	Percent   int           `json:"percent" doc:"完成了百分之几"`
	Rows      int           `json:"rows" doc:"已读多少行"`
	StartedAt time.Time     `json:"started_at"`
	Report    *RosterReport `json:"report,omitempty" doc:"done 时有"`
	Failure   *AwardFailure `json:"failure,omitempty" doc:"failed 时有：为什么什么也没有写入"`
}

var importStates = words[people.ImportState]{people.ImportRunning: "running", people.ImportDone: "done", people.ImportFailed: "failed", people.ImportLost: "lost"}

func rosterOut(r *people.RosterReport, problems int) RosterReport {
	return RosterReport{r.Rows, r.NewHouseholds, r.NewVillagers, r.Changed, r.Moved, r.Unchanged, r.Written,
		problemsOut(r.Problems[:min(people.MaxProblems, len(r.Problems))]), problems}
}

func importOut(m people.Import) RosterImport {
	out := RosterImport{ID: m.ID, Village: m.Village, ActorName: m.ActorName, State: importStates[m.State], Percent: m.Percent, Rows: m.Rows, StartedAt: m.StartedAt}
	if m.Report != nil {
		out.Report = ptr(rosterOut(m.Report, m.Problems))
	}
	if m.Failure != nil {
		out.Failure = &AwardFailure{m.Failure.Code, m.Failure.Text}
	}
	return out
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
			return rosterOut(r, len(r.Problems)), nil
		})
	register(s, Op{ID: "roster-import-start", Method: "POST", Path: "/villages/{id}/roster/imports", Summary: "在后台导入花名册",
		Note: "几千人以上的大表用这个：马上回答，再按编号查进度。断开连接不影响导入。", Tag: tagPeople, Perm: auth.PeopleWrite, Audience: Officers, Upload: true},
		func(ctx context.Context, c *Call, in *ImportQuery) (RosterImport, error) {
			m, err := s.deps.People.StartImport(ctx, c.Actor, in.ID.V, c.Upload.Data, people.ImportOptions{Preview: in.Preview, SkipBad: in.SkipBad, Log: s.log})
			return importOut(m), err
		})
	register(s, Op{ID: "roster-import-get", Method: "GET", Path: "/roster-imports/{id}", Summary: "后台导入到了哪里", Note: "完成后保留 30 天。", Tag: tagPeople, Perm: auth.PeopleWrite, Audience: Officers},
		func(ctx context.Context, c *Call, in *ByID) (RosterImport, error) {
			m, err := s.deps.People.Import(ctx, c.Actor, in.ID.V)
			return importOut(m), err
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
