package app_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"jishan/internal/app"
	"jishan/internal/app/apptest"
	"jishan/internal/conf"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/testkit"
)

// A server that may not create tables serves on current ones, and says what to do where they are older.
func TestServesWithoutMigrating(t *testing.T) {
	s := apptest.Start(t, func(s *apptest.Setup) { s.Config.DB.Migrate = false })
	status, body := get(t, s.URL+"/readyz")
	require.Equal(t, 200, status, body)

	c, err := conf.Load("")
	require.NoError(t, err)
	c.DB.DSN, c.DB.Migrate, c.DataDir = conf.Secret(testkit.DSN(t)), false, t.TempDir()
	d := testkit.Reopen(t, string(c.DB.DSN), nil)
	_, want, err := d.Versions(context.Background())
	require.NoError(t, err)
	testkit.Tamper(t, d, "DELETE FROM goose_db_version WHERE version_id = ?", want)
	_, err = app.New(context.Background(), c, app.Options{})
	require.ErrorIs(t, err, db.ErrOlderSchema)
	require.Contains(t, errs.From(err).Text(), "请先运行 jishan migrate")
}
