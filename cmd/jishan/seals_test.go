package main

import (
	"context"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jishan/internal/db"
	"jishan/internal/ledger"
)

// What stands on a poster is enough to know the seal again, in the groups and with the date as they are printed.
func TestSealsCopiedFromPaper(t *testing.T) {
	dir, g := township(t)
	d, err := db.Open(context.Background(), db.Options{DataDir: dir, Clock: func() time.Time { return time.Now().Add(48 * time.Hour) }})
	require.NoError(t, err)
	var last ledger.DaySeal
	require.NoError(t, d.Tx(context.Background(), func(tx db.Tx) error {
		due, err := ledger.DueSeals(tx, g.Pilot)
		require.NoError(t, err)
		if _, err = ledger.KeepSeals(tx, due); err != nil {
			return err
		}
		last, err = ledger.LastSeal(tx, g.Pilot)
		return err
	}))
	require.NoError(t, d.Close())
	file := filepath.Join(t.TempDir(), "抄来的.txt")
	verify := func(line string) (int, string) {
		require.NoError(t, os.WriteFile(file, []byte(line+"\n"), 0o600))
		code, out, errOut := command(t, "", "verify", "--seals", file)
		return code, out + errOut
	}
	hash := hex.EncodeToString(last.Hash[:])
	groups := func(h string) string {
		return h[:4] + " " + h[4:8] + " " + h[8:12] + " " + h[12:16] + " " + h[16:]
	}
	code, out := verify("439900100201 " + last.Day.String() + " " + strings.ToUpper(groups(hash[:20])))
	require.Equal(t, exitOK, code, out)
	require.Contains(t, out, "留存的日封：1 封，相符")

	other := hash[:19] + string("0123456789abcdef"[(strings.IndexByte("0123456789abcdef", hash[19])+1)%16])
	code, out = verify("439900100201 " + last.Day.String() + " " + groups(other))
	require.Equal(t, exitFailed, code)
	require.Contains(t, out, "与留存的不同")

	for _, line := range []string{
		"439900100201 " + last.Day.String() + " " + hash[:19],
		"439900100201 " + last.Day.String() + " " + hash + "0",
		"439900100201 " + last.Day.String() + " " + hash[:19] + "g",
		"439900100201 " + last.Day.String(),
		"439900100201 昨天 " + hash,
	} {
		code, out = verify(line)
		require.NotEqual(t, exitOK, code, line)
		require.Contains(t, out, "至少 20 位", line)
	}
}
