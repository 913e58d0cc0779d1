package people

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"jishan/internal/audit"
	"jishan/internal/auth"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
)

// What can be wrong with a grid.
var (
	ErrGrid      = errs.Define(errs.Invalid, "grid.invalid", "网格信息有误：名称 1 到 30 字，网格员最多 20 字，所选的户都要在本村")
	ErrGridTaken = errs.Define(errs.Conflict, "grid.taken", "本村已有同名的网格，请换一个名称")
)

// Grid is a set of households of a village that an officer looks after, across its groups.
type Grid struct {
	ID, Village   id.ID
	Name, Officer string
	Households    int
}

type gridRow struct {
	ID, VillageID id.ID
	Name, Officer string
	Households    int
}

const gridSQL = "SELECT g.id, g.village_id, g.name, g.officer, (SELECT COUNT(*) FROM grid_households x WHERE x.grid_id = g.id) AS households FROM grids g WHERE "

func gridsWhere(tx db.Tx, cond string, args ...any) ([]Grid, error) {
	var rows []gridRow
	if err := tx.Raw(gridSQL+cond+" ORDER BY g.name", args...).Scan(&rows).Error; err != nil {
		return nil, fmt.Errorf("reading grids: %w", err)
	}
	out := make([]Grid, len(rows))
	for i, r := range rows {
		out[i] = Grid{r.ID, r.VillageID, r.Name, r.Officer, r.Households}
	}
	return out, nil
}

// Grids are a village's grids in order of name.
func (s *Service) Grids(ctx context.Context, actor auth.Actor, village id.ID) (out []Grid, err error) {
	if err := actor.InRegion(auth.PeopleRead, village); err != nil {
		return nil, err
	}
	err = s.db.Read(ctx, func(tx db.Tx) error {
		out, err = gridsWhere(tx, "g.village_id = ?", village)
		return err
	})
	return out, err
}

// grid reads one within the actor's reach.
func grid(tx db.Tx, actor auth.Actor, p auth.Permission, key id.ID) (Grid, error) {
	rows, err := gridsWhere(tx, "g.id = ?", key)
	if err != nil {
		return Grid{}, err
	}
	if len(rows) == 0 {
		return Grid{}, errs.ErrNotFound.New()
	}
	return rows[0], actor.InRegion(p, rows[0].Village)
}

func cleanGrid(name, officer string) (string, string, error) {
	if !utf8.ValidString(name) || !utf8.ValidString(officer) {
		return "", "", ErrGrid.New()
	}
	name, officer = strings.TrimSpace(name), CleanName(officer)
	if n := utf8.RuneCountInString(name); n < 1 || n > 30 || utf8.RuneCountInString(officer) > 20 {
		return "", "", ErrGrid.New()
	}
	return name, officer, nil
}

// CreateGrid adds an empty grid to a village; officer is the name of who looks after it.
func (s *Service) CreateGrid(ctx context.Context, actor auth.Actor, village id.ID, name, officer string) (out Grid, err error) {
	if err := actor.InRegion(auth.PeopleWrite, village); err != nil {
		return out, err
	}
	if name, officer, err = cleanGrid(name, officer); err != nil {
		return out, err
	}
	err = s.db.Tx(ctx, func(tx db.Tx) error {
		if _, err := villageByID(tx, village); err != nil {
			return err
		}
		out = Grid{ID: id.New(), Village: village, Name: name, Officer: officer}
		if err := insertGrids(tx, []Grid{out}); err != nil {
			return err
		}
		return audit.Write(tx, actor.Audit("grid.create", "grid:"+out.ID.String(), village, "新建网格 "+name))
	})
	return out, err
}

func insertGrids(tx db.Tx, grids []Grid) error {
	cols := []string{"id", "village_id", "name", "officer", "created_at"}
	err := db.Insert(tx, "grids", cols, len(grids), func(i int, args []any) []any {
		return append(args, int64(grids[i].ID), int64(grids[i].Village), grids[i].Name, grids[i].Officer, tx.Millis())
	})
	if db.Duplicate(err) {
		return ErrGridTaken.Wrap(err)
	}
	return err
}

// UpdateGrid changes a grid's name and officer.
func (s *Service) UpdateGrid(ctx context.Context, actor auth.Actor, key id.ID, name, officer string) (out Grid, err error) {
	if name, officer, err = cleanGrid(name, officer); err != nil {
		return out, err
	}
	err = s.db.Tx(ctx, func(tx db.Tx) error {
		if out, err = grid(tx, actor, auth.PeopleWrite, key); err != nil {
			return err
		}
		err := tx.Exec("UPDATE grids SET name = ?, officer = ? WHERE id = ?", name, officer, key).Error
		if db.Duplicate(err) {
			return ErrGridTaken.Wrap(err)
		}
		if err != nil {
			return fmt.Errorf("changing a grid: %w", err)
		}
		old := out.Name
		out.Name, out.Officer = name, officer
		return audit.Write(tx, actor.Audit("grid.update", "grid:"+key.String(), out.Village, "修改网格 "+old+"：名称 "+name+"，网格员 "+officer))
	})
	return out, err
}

// DeleteGrid dissolves a grid; its households stay.
func (s *Service) DeleteGrid(ctx context.Context, actor auth.Actor, key id.ID) error {
	return s.db.Tx(ctx, func(tx db.Tx) error {
		g, err := grid(tx, actor, auth.PeopleWrite, key)
		if err != nil {
			return err
		}
		for _, q := range []string{"DELETE FROM grid_households WHERE grid_id = ?", "DELETE FROM grids WHERE id = ?"} {
			if err := tx.Exec(q, key).Error; err != nil {
				return fmt.Errorf("dissolving a grid: %w", err)
			}
		}
		return audit.Write(tx, actor.Audit("grid.delete", "grid:"+key.String(), g.Village, "撤销网格 "+g.Name))
	})
}

// SetGridHouseholds replaces a grid's households; all must be of its village.
func (s *Service) SetGridHouseholds(ctx context.Context, actor auth.Actor, key id.ID, households []id.ID) (out Grid, err error) {
	households = slices.Clone(households)
	slices.Sort(households)
	households = slices.Compact(households)
	err = s.db.Tx(ctx, func(tx db.Tx) error {
		if out, err = grid(tx, actor, auth.PeopleWrite, key); err != nil {
			return err
		}
		found, err := HouseholdsByID(tx, households)
		if err != nil {
			return err
		}
		for _, h := range households {
			if found[h].Village != out.Village {
				return ErrGrid.New()
			}
		}
		if err := tx.Exec("DELETE FROM grid_households WHERE grid_id = ?", key).Error; err != nil {
			return fmt.Errorf("emptying a grid: %w", err)
		}
		if err := linkGrid(tx, len(households), func(i int) (id.ID, id.ID) { return key, households[i] }); err != nil {
			return err
		}
		out.Households = len(households)
		return audit.Write(tx, actor.Audit("grid.households", "grid:"+key.String(), out.Village, fmt.Sprintf("网格 %s 现有 %d 户", out.Name, out.Households)))
	})
	return out, err
}

func linkGrid(tx db.Tx, n int, link func(i int) (grid, household id.ID)) error {
	err := db.Insert(tx, "grid_households", []string{"grid_id", "household_id"}, n, func(i int, args []any) []any {
		g, h := link(i)
		return append(args, int64(g), int64(h))
	})
	if db.Duplicate(err) { // somebody set the same grid meanwhile
		return errors.Join(db.ErrRetry, err)
	}
	return err
}
