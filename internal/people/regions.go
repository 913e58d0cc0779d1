package people

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"jishan/internal/audit"
	"jishan/internal/auth"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
)

// What can be wrong with a region.
var (
	ErrRegionTaken = errs.Define(errs.Conflict, "region.taken", "这个区划代码已经用过了，请核对")
	ErrRegion      = errs.Define(errs.Invalid, "region.invalid", "区划信息有误：名称 1 到 30 字，代码只用数字")
)

const regionColumns = "id, parent_id, kind, code, name, initials, county_id, township_id, village_id, sort"

// NewRegion describes a region to be made.
type NewRegion struct {
	Parent id.ID // zero for a county
	Kind   RegionKind
	Code   string // digits: the official code of counties, townships and villages; groups append two digits
	Name   string
	Sort   int
}

// CreateRegion adds a region below one the actor may change.
func (s *Service) CreateRegion(ctx context.Context, actor auth.Actor, n NewRegion) (out Region, err error) {
	if err := actor.InRegion(auth.RegionWrite, n.Parent); err != nil {
		return out, err
	}
	err = s.db.Tx(ctx, func(tx db.Tx) error {
		if out, err = InsertRegion(tx, n); err != nil {
			return err
		}
		return audit.Write(tx, actor.Audit("region.create", "region:"+out.ID.String(), out.place(), "新建"+RegionKindNames[out.Kind]+" "+out.Name))
	})
	return out, err
}

// place is where the audit log files a change of the region: its village, or itself above the villages.
func (r Region) place() id.ID {
	if r.Village != 0 {
		return r.Village
	}
	return r.ID
}

// InsertRegion writes a region, checking that its level is the one below its parent's.
func InsertRegion(tx db.Tx, n NewRegion) (Region, error) {
	n.Name = strings.TrimSpace(n.Name)
	if l := utf8.RuneCountInString(n.Name); l < 1 || l > 30 || !utf8.ValidString(n.Name) || !digits(n.Code) {
		return Region{}, ErrRegion.New()
	}
	r := Region{ID: id.New(), Parent: n.Parent, Kind: n.Kind, Code: n.Code, Name: n.Name, Initials: placeInitials(n.Name), Sort: n.Sort}
	var parent Region
	if n.Parent != 0 {
		found, err := RegionsByID(tx, []id.ID{n.Parent})
		if err != nil {
			return Region{}, err
		}
		var ok bool
		if parent, ok = found[n.Parent]; !ok {
			return Region{}, errs.ErrNotFound.New()
		}
	}
	if parent.Kind+1 != n.Kind || n.Kind > Group {
		return Region{}, ErrRegion.With("%s不能直接建在%s下面", RegionKindNames[n.Kind], RegionKindNames[parent.Kind])
	}
	r.County, r.Township, r.Village = parent.County, parent.Township, parent.Village
	switch n.Kind {
	case County:
		r.County = r.ID
	case Township:
		r.Township = r.ID
	case Village:
		r.Village = r.ID
	}
	cols := []string{"id", "parent_id", "kind", "code", "name", "initials", "county_id", "township_id", "village_id", "sort", "created_at"}
	err := db.Insert(tx, "regions", cols, 1, func(_ int, args []any) []any {
		return append(args, int64(r.ID), int64(r.Parent), int(r.Kind), r.Code, r.Name, r.Initials, int64(r.County), int64(r.Township), int64(r.Village), r.Sort, tx.Millis())
	})
	if db.Duplicate(err) {
		return Region{}, ErrRegionTaken.Wrap(err)
	}
	return r, err
}

func digits(s string) bool {
	if len(s) < 2 || len(s) > 24 {
		return false
	}
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// RenameRegion changes a region's name and place in lists.
func (s *Service) RenameRegion(ctx context.Context, actor auth.Actor, region id.ID, name string, sort int) error {
	if err := actor.InRegion(auth.RegionWrite, region); err != nil {
		return err
	}
	name = strings.TrimSpace(name)
	if l := utf8.RuneCountInString(name); l < 1 || l > 30 || !utf8.ValidString(name) {
		return ErrRegion.New()
	}
	return s.db.Tx(ctx, func(tx db.Tx) error {
		found, err := RegionsByID(tx, []id.ID{region})
		if err != nil {
			return err
		}
		if _, ok := found[region]; !ok {
			return errs.ErrNotFound.New()
		}
		if err := tx.Exec("UPDATE regions SET name = ?, initials = ?, sort = ? WHERE id = ?", name, placeInitials(name), sort, region).Error; err != nil {
			return fmt.Errorf("renaming a region: %w", err)
		}
		return audit.Write(tx, actor.Audit("region.update", "region:"+region.String(), found[region].place(), found[region].Name+" 改名为 "+name))
	})
}

// Regions are those within the actor's reach, and their ancestors, in order of code.
func (s *Service) Regions(ctx context.Context, actor auth.Actor) (out []Region, err error) {
	reach, all := actor.Reach(auth.RegionRead)
	in := map[id.ID]bool{}
	for _, r := range reach {
		in[r] = true
	}
	err = s.db.Read(ctx, func(tx db.Tx) error {
		list, err := AllRegions(tx)
		if err != nil {
			return err
		}
		wanted := map[id.ID]bool{}
		for _, r := range list {
			if all || in[r.ID] {
				wanted[r.ID], wanted[r.County], wanted[r.Township], wanted[r.Village] = true, true, true, true
			}
		}
		out = out[:0]
		for _, r := range list {
			if wanted[r.ID] {
				out = append(out, r)
			}
		}
		return nil
	})
	return out, err
}

// AllRegions is the whole tree in order of code.
func AllRegions(tx db.Tx) ([]Region, error) {
	var rows []regionRow
	if err := tx.Raw("SELECT " + regionColumns + " FROM regions ORDER BY code").Scan(&rows).Error; err != nil {
		return nil, fmt.Errorf("reading the regions: %w", err)
	}
	out := make([]Region, len(rows))
	for i, r := range rows {
		out[i] = r.region()
	}
	return out, nil
}
