package auth

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
)

// AttemptWindow is the slot in which failed log-ins are counted.
const AttemptWindow = 15 * time.Minute

// attempt is a log-in, or a proof of belonging to a household, that has been counted as failed before it is tried: a thousand guesses at once count like a thousand one
// after the other. It is taken back when it succeeds.
type attempt struct {
	account, address [32]byte
	slot             int64
}

func newAttempt(account [32]byte, address string, now time.Time) attempt {
	return attempt{account: account, address: bucket("address:" + network(address)), slot: now.UnixMilli() / AttemptWindow.Milliseconds()}
}

func bucket(text string) [32]byte { return sha256.Sum256([]byte(text)) }

func accountBucket(kind Kind, login string) [32]byte {
	return bucket(fmt.Sprintf("account:%d:%s", kind, login))
}

// bindBucket counts what a log-in has tried to bind.
func bindBucket(user id.ID) [32]byte { return bucket("bind:" + user.String()) }

// network is what counts as one address: an IPv6 customer has a whole /64.
func network(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	a = a.Unmap().WithZone("")
	if a.Is4() {
		return a.String()
	}
	p, _ := a.Prefix(64) // an IPv6 address has a /64
	return p.String()
}

// reserve counts the attempt for its account and address, or refuses it with tooMany and the time until the window ends.
func (s *Service) reserve(ctx context.Context, account [32]byte, address string, tooMany *errs.Code) (attempt, error) {
	var a attempt
	err := s.db.Tx(ctx, func(tx db.Tx) error {
		a = newAttempt(account, address, tx.Now)
		keys := [][]byte{a.account[:], a.address[:]}
		slices.SortFunc(keys, bytes.Compare) // the same lock order for everybody
		err := db.Upsert(tx, "login_attempts", []string{"bucket", "slot", "failures"}, []string{"bucket", "slot"}, nil, []string{"failures"}, 2,
			func(i int, args []any) []any { return append(args, keys[i], a.slot, 1) })
		if err != nil {
			return err
		}
		var rows []struct {
			Bucket   []byte `gorm:"column:bucket"`
			Failures int    `gorm:"column:failures"`
		}
		if err := tx.Raw("SELECT bucket, failures FROM login_attempts WHERE bucket IN ? AND slot = ?", keys, a.slot).Scan(&rows).Error; err != nil {
			return fmt.Errorf("reading failed log-ins: %w", err)
		}
		for _, r := range rows {
			limit := s.o.LoginPerAddress
			if string(r.Bucket) == string(a.account[:]) {
				limit = s.o.LoginPerAccount
			}
			if r.Failures > limit { // rolled back: being refused does not count
				wait := time.UnixMilli((a.slot + 1) * AttemptWindow.Milliseconds()).Sub(tx.Now)
				return tooMany.With("%s（约 %d 分钟）", tooMany.Text, int(wait/time.Minute)+1).After(wait)
			}
		}
		return nil
	})
	return a, err
}

// forgive takes a successful log-in back: the account starts afresh, the address has failed once less.
func forgive(tx db.Tx, a attempt) error {
	if _, err := exec(tx, "forgetting failed log-ins", "DELETE FROM login_attempts WHERE bucket = ? AND slot = ?", a.account[:], a.slot); err != nil {
		return err
	}
	return takeBack(tx, a.slot, a.address)
}

// takeBack makes the counts one less. Of keys that one log-in has several of, a success says nothing about the others.
func takeBack(tx db.Tx, slot int64, buckets ...[32]byte) error {
	slices.SortFunc(buckets, func(x, y [32]byte) int { return bytes.Compare(x[:], y[:]) })
	for _, b := range buckets {
		_, err := exec(tx, "taking an attempt back", "UPDATE login_attempts SET failures = failures - 1 WHERE bucket = ? AND slot = ? AND failures > 0", b[:], slot)
		if err != nil {
			return err
		}
	}
	return nil
}

// forgetFailures opens an account again whose password was set anew.
func forgetFailures(tx db.Tx, kind Kind, login string) error {
	key := accountBucket(kind, login)
	_, err := exec(tx, "forgetting failed log-ins", "DELETE FROM login_attempts WHERE bucket = ?", key[:])
	return err
}

// Sweep removes counts of past windows, and sessions that ended more than thirty days ago. It returns how many rows went; a job
// calls it now and then.
func (s *Service) Sweep(ctx context.Context) (removed int64, err error) {
	err = s.db.Tx(ctx, func(tx db.Tx) error {
		slots, err := exec(tx, "sweeping failed log-ins", "DELETE FROM login_attempts WHERE slot < ?", tx.Millis()/AttemptWindow.Milliseconds()-1)
		if err != nil {
			return err
		}
		old := tx.Now.AddDate(0, 0, -30).UnixMilli()
		sessions, err := exec(tx, "sweeping sessions", "DELETE FROM sessions WHERE expires_at < ? OR revoked_at > 0 AND revoked_at < ?", old, old)
		removed = slots + sessions
		return err
	})
	return removed, err
}
