package people

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"jishan/internal/audit"
	"jishan/internal/auth"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/stamp"
)

// What can be wrong with a region.
var (
	ErrRegionTaken = errs.Define(errs.Conflict, "region.taken", "这个区划代码已经用过了，请核对")
	ErrGroupInUse  = errs.Define(errs.Refused, "region.in_use", "这个组还有户，请先把他们换到别的组，再撤销")
	ErrRegionClose = errs.Define(errs.Refused, "region.close", "只有组可以撤销；县、乡镇、村不能撤销")
	ErrRegion      = errs.Define(errs.Invalid, "region.invalid", "区划信息有误：名称 1 到 30 字，代码只用数字")
)

const regionColumns = "id, parent_id, kind, code, name, initials, county_id, township_id, village_id, sort, closed_at"

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
	if err != nil {
		return Region{}, err
	}
	return r, stamp.Count(tx, stamp.Regions)
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

// CloseGroup ends a group in which nobody lives any more, or opens it again. Nothing of its past changes: its boards and records stay,
// and so does its code. Needs region.write.
func (s *Service) CloseGroup(ctx context.Context, actor auth.Actor, group id.ID, closed bool) (out Region, err error) {
	if err := actor.InRegion(auth.RegionWrite, group); err != nil {
		return out, err
	}
	var village id.ID
	err = s.db.Read(ctx, func(tx db.Tx) error {
		found, err := RegionsByID(tx, []id.ID{group})
		if r, ok := found[group]; !ok || err != nil {
			return errors.Join(err, errs.ErrNotFound.New())
		} else if r.Kind != Group {
			return ErrRegionClose.New()
		}
		village = found[group].Village
		return nil
	})
	if err != nil {
		return out, err
	}
	err = s.db.Tx(ctx, func(tx db.Tx) error {
		// An import of a roster holds the village, whoever puts a household into the group holds the group (checkGroup). The locks come
		// before the first plain read, which would fix what is seen.
		for _, held := range []id.ID{village, group} {
			if err := holdRegion(tx, held); err != nil {
				return err
			}
		}
		found, err := RegionsByID(tx, []id.ID{group})
		if err != nil {
			return err
		}
		out = found[group]
		if out.Closed == closed {
			return nil
		}
		at, what := int64(0), "恢复"
		if closed {
			at, what = tx.Millis(), "撤销"
			var n int
			if err := tx.Raw("SELECT COUNT(*) FROM households WHERE group_id = ? AND state = ?", group, HouseholdHere).Row().Scan(&n); err != nil {
				return fmt.Errorf("counting the households of a group: %w", err)
			}
			if n > 0 {
				return ErrGroupInUse.With("%s还有 %d 户，请先把他们换到别的组，再撤销", out.Name, n)
			}
		}
		if err := tx.Exec("UPDATE regions SET closed_at = ? WHERE id = ?", at, group).Error; err != nil {
			return fmt.Errorf("closing a group: %w", err)
		}
		out.Closed = closed
		return audit.Write(tx, actor.Audit("region.close", "region:"+group.String(), village, what+" "+out.Name))
	})
	return out, err
}

// holdRegion keeps a region as it is until the end of the transaction.
func holdRegion(tx db.Tx, region id.ID) error {
	var row struct{ ID id.ID }
	if err := tx.Raw("SELECT id FROM regions WHERE id = ?"+tx.ForUpdate(), region).Scan(&row).Error; err != nil {
		return fmt.Errorf("locking a region: %w", err)
	}
	return nil
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
