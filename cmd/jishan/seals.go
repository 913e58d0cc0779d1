package main

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"os"
	"strconv"
	"strings"

	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/ledger"
	"jishan/internal/people"
)

// errSealsFile is a file of seals that cannot be read.
var errSealsFile = errs.Define(errs.Invalid, "command.seals", "日封文件的每行应是：村的区划编码 日期 指纹，例如 439900100201 20261121 1f0c…（由 jishan export seals 写出，或照公告抄：日期可写 2026-11-21，指纹至少 20 位，可以四位一组）")

type exportSeals struct {
	Out string `short:"o" type:"path" placeholder:"文件" help:"写到文件；不写则打印"`
}

// Run writes the newest seal of each village: what to keep outside, to know later that a book is no older and no other one.
func (c exportSeals) Run(e *env) error {
	cfg, err := e.load()
	if err != nil {
		return err
	}
	d, err := e.open(cfg, true)
	if err != nil {
		return err
	}
	defer d.Close()
	var b strings.Builder
	err = d.Read(e.ctx, func(tx db.Tx) error {
		b.Reset()
		regions, err := people.AllRegions(tx)
		if err != nil {
			return err
		}
		for _, r := range regions {
			s, err := ledger.LastSeal(tx, r.ID)
			if err != nil {
				return err
			}
			if s.Number > 0 {
				fmt.Fprintf(&b, "%s %d %x\n", r.Code, s.Day, s.Hash)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if c.Out == "" {
		_, err = e.out.Write([]byte(b.String()))
		return err
	}
	if err := os.WriteFile(c.Out, []byte(b.String()), 0o644); err != nil {
		return errs.ErrInvalid.Wrap(err)
	}
	return nil
}

// keptSeal is a line of a file of seals.
type keptSeal struct {
	village string
	day     cal.Day
	hash    string // whole, or from its beginning as far as it was copied
}

func readSeals(path string) (out []keptSeal, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, errSealsFile.Wrap(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		if len(words) == 0 {
			continue
		}
		if len(words) < 3 {
			return nil, errSealsFile.New()
		}
		day, err := strconv.ParseInt(strings.ReplaceAll(words[1], "-", ""), 10, 32)
		hash := strings.ToLower(strings.Join(words[2:], ""))
		if err != nil || len(hash) < ledger.ShortSeal || len(hash) > 64 || strings.Trim(hash, "0123456789abcdef") != "" {
			return nil, errSealsFile.New()
		}
		out = append(out, keptSeal{words[0], cal.Day(day), hash})
	}
	if err := lines.Err(); err != nil {
		return nil, errSealsFile.Wrap(err)
	}
	return out, nil
}

// compareSeals looks for each of the seals kept outside in the database; a book that was changed has another, an older one has
// none.
func compareSeals(e *env, d *db.DB, kept []keptSeal) (found int, err error) {
	err = d.Read(e.ctx, func(tx db.Tx) error {
		found = 0
		regions, err := people.AllRegions(tx)
		if err != nil {
			return err
		}
		byCode := map[string]people.Region{}
		for _, r := range regions {
			byCode[r.Code] = r
		}
		for _, k := range kept {
			r, known := byCode[k.village]
			have, err := ledger.Seals(tx, r.ID, k.day.Add(1), 1)
			if err != nil {
				return err
			}
			switch {
			case !known:
				e.say("[不符] %s：数据库里没有这个村", k.village)
			case len(have) == 0 || have[0].Day != k.day:
				e.say("[不符] %s：没有 %s 的日封，这可能是更早的账", r.Name, k.day.Chinese())
			case !strings.HasPrefix(hex.EncodeToString(have[0].Hash[:]), k.hash):
				e.say("[不符] %s：%s 的日封与留存的不同，账被改动过", r.Name, k.day.Chinese())
			default:
				continue
			}
			found++
		}
		e.say("留存的日封：%d 封，%s", len(kept), verdict(found))
		return nil
	})
	return found, err
}
