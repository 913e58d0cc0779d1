package jobs

import (
	"fmt"
	"time"

	"jishan/internal/db"
)

// acquire takes or renews the lease by compare-and-set and reports whether holder has it now. With steal it is taken from
// whoever holds it. A lease that runs for longer than any can was taken while a clock was ahead, and is as good as over: or
// the job would rest until then.
func acquire(tx db.Tx, name, holder string, ttl time.Duration, steal bool) (bool, error) {
	now := tx.Millis()
	until := now + ttl.Milliseconds()
	q, args := "UPDATE leases SET holder = ?, until_at = ? WHERE name = ?", []any{holder, until, name}
	if !steal {
		q, args = q+" AND (holder = ? OR until_at <= ? OR until_at > ?)", append(args, holder, now, now+2*ttl.Milliseconds())
	}
	res := tx.Exec(q, args...)
	if res.Error != nil {
		return false, fmt.Errorf("taking lease %s: %w", name, res.Error)
	}
	if res.RowsAffected > 0 {
		return true, nil
	}
	var there int64
	if err := tx.Raw("SELECT COUNT(*) FROM leases WHERE name = ?", name).Scan(&there).Error; err != nil {
		return false, fmt.Errorf("reading lease %s: %w", name, err)
	}
	if there > 0 {
		return false, nil
	}
	err := db.Insert(tx, "leases", []string{"name", "holder", "until_at"}, 1, func(_ int, args []any) []any {
		return append(args, name, holder, until)
	})
	if db.Duplicate(err) {
		return false, nil // somebody else was first
	}
	return err == nil, err
}

// release ends the lease if holder still has it.
func release(tx db.Tx, name, holder string) error {
	if err := tx.Exec("UPDATE leases SET until_at = 0 WHERE name = ? AND holder = ?", name, holder).Error; err != nil {
		return fmt.Errorf("releasing lease %s: %w", name, err)
	}
	return nil
}

// Lease is who may run a job.
type Lease struct {
	Job    string
	Holder string    // host, process number and a random part
	Until  time.Time // UTC; past when nobody holds it
}

// Leases lists all lease rows by name, for diagnosis.
func Leases(tx db.Tx) ([]Lease, error) {
	var rows []struct {
		Name    string `gorm:"column:name"`
		Holder  string `gorm:"column:holder"`
		UntilAt int64  `gorm:"column:until_at"`
	}
	if err := tx.Raw("SELECT name, holder, until_at FROM leases ORDER BY name").Scan(&rows).Error; err != nil {
		return nil, fmt.Errorf("reading leases: %w", err)
	}
	out := make([]Lease, len(rows))
	for i, r := range rows {
		out[i] = Lease{Job: r.Name, Holder: r.Holder, Until: time.UnixMilli(r.UntilAt).UTC()}
	}
	return out, nil
}
