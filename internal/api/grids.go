package api

import (
	"context"

	"jishan/internal/auth"
	"jishan/internal/id"
	"jishan/internal/people"
)

// Grid is a set of households that an officer looks after.
type Grid struct {
	ID         id.ID  `json:"id"`
	Village    id.ID  `json:"village"`
	Name       string `json:"name"`
	Officer    string `json:"officer" doc:"网格员"`
	Households int    `json:"households" doc:"多少户"`
}

// Grids are the grids of a village.
type Grids struct {
	Items []Grid `json:"items"`
}

// GridInput is a grid's name and officer.
type GridInput struct {
	Name    string `json:"name" minLength:"1" maxLength:"30"`
	Officer string `json:"officer,omitempty" maxLength:"20"`
}

// GridHouseholds are the households of a grid.
type GridHouseholds struct {
	Households []id.ID `json:"households" maxItems:"5000"`
}

// MoveInput is where a person goes.
type MoveInput struct {
	Household id.ID  `json:"household"`
	Relation  string `json:"relation,omitempty" maxLength:"8" doc:"与新户主的关系"`
}

func gridOut(g people.Grid) Grid { return Grid{g.ID, g.Village, g.Name, g.Officer, g.Households} }

func (s *Server) gridOps() {
	write := func(o Op) Op { o.Tag, o.Perm, o.Audience = tagPeople, auth.PeopleWrite, Officers; return o }

	register(s, Op{ID: "grid-list", Method: "GET", Path: "/villages/{id}/grids", Summary: "本村的网格", Tag: tagPeople, Perm: auth.PeopleRead, Audience: Officers},
		func(ctx context.Context, c *Call, in *ByID) (Grids, error) {
			list, err := s.deps.People.Grids(ctx, c.Actor, in.ID.V)
			return Grids{mapped(list, gridOut)}, err
		})
	register(s, write(Op{ID: "grid-create", Method: "POST", Path: "/villages/{id}/grids", Summary: "新建网格"}),
		func(ctx context.Context, c *Call, in *struct {
			ByID
			Body GridInput
		}) (Grid, error) {
			g, err := s.deps.People.CreateGrid(ctx, c.Actor, in.ID.V, in.Body.Name, in.Body.Officer)
			return gridOut(g), err
		})
	register(s, write(Op{ID: "grid-update", Method: "PUT", Path: "/grids/{id}", Summary: "修改网格"}),
		func(ctx context.Context, c *Call, in *struct {
			ByID
			Body GridInput
		}) (Grid, error) {
			g, err := s.deps.People.UpdateGrid(ctx, c.Actor, in.ID.V, in.Body.Name, in.Body.Officer)
			return gridOut(g), err
		})
	registerEmpty(s, write(Op{ID: "grid-delete", Method: "DELETE", Path: "/grids/{id}", Summary: "删除网格"}),
		func(ctx context.Context, c *Call, in *ByID) error {
			return s.deps.People.DeleteGrid(ctx, c.Actor, in.ID.V)
		})
	register(s, write(Op{ID: "grid-households", Method: "PUT", Path: "/grids/{id}/households", Summary: "设定网格里的户"}),
		func(ctx context.Context, c *Call, in *struct {
			ByID
			Body GridHouseholds
		}) (Grid, error) {
			g, err := s.deps.People.SetGridHouseholds(ctx, c.Actor, in.ID.V, in.Body.Households)
			return gridOut(g), err
		})
	register(s, write(Op{ID: "villager-move", Method: "POST", Path: "/villagers/{id}/move", Summary: "把村民移到另一户", Note: "得过的分仍留在原处。最后一人移走的户算作迁出。"}),
		func(ctx context.Context, c *Call, in *struct {
			ByID
			Body MoveInput
		}) (Villager, error) {
			v, err := s.deps.People.MoveVillager(ctx, c.Actor, in.ID.V, in.Body.Household, in.Body.Relation)
			return villagerOut(v), err
		})
}
