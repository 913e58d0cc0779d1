package app_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jishan/internal/app"
	"jishan/internal/app/apptest"
	"jishan/internal/auth"
	"jishan/internal/conf"
	"jishan/internal/db"
	"jishan/internal/people"
)

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	res, err := http.Get(url)
	require.NoError(t, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res.StatusCode, string(b)
}

func TestServesAndStops(t *testing.T) {
	s := apptest.Start(t)
	status, body := get(t, s.URL+"/readyz")
	require.Equal(t, http.StatusOK, status, body)
	status, body = get(t, s.URL+"/openapi.json")
	require.Equal(t, http.StatusOK, status)
	var doc map[string]any
	require.NoError(t, json.Unmarshal([]byte(body), &doc))
	status, body = get(t, s.URL+"/metrics")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, body, `jishan_queue_waiting{queue="award"}`)

	require.Eventually(t, func() bool {
		for _, j := range s.Jobs.Status() {
			if !j.Held || j.Runs == 0 || j.LastErr != nil {
				return false
			}
		}
		return true
	}, 20*time.Second, 20*time.Millisecond, "every job runs here and well: %+v", s.Jobs.Status())

	s.Stop()
	_, err := http.Get(s.URL + "/readyz")
	require.Error(t, err)
}

func TestTwoProcessesShareADatabase(t *testing.T) {
	a := apptest.Start(t)
	b := apptest.Start(t, func(s *apptest.Setup) { s.Config.DB.DSN, s.Options.BoardPrefix = a.Config.DB.DSN, a.Prefix })
	r, err := a.People.CreateRegion(context.Background(), auth.System("test"), people.NewRegion{Kind: people.County, Code: "439900000000", Name: "青岩县"})
	require.NoError(t, err)
	require.NoError(t, b.DB.Read(context.Background(), func(tx db.Tx) error {
		found, err := people.RegionByCode(tx, "439900000000")
		require.Equal(t, r.ID, found.ID)
		return err
	}))
	// Every job is run by exactly one of them; when that one stops, the other goes on.
	held := func(s *apptest.Server) (n int) {
		for _, j := range s.Jobs.Status() {
			if j.Held {
				n++
			}
		}
		return n
	}
	all := len(a.Jobs.Status())
	require.Eventually(t, func() bool { return held(a)+held(b) == all }, 20*time.Second, 20*time.Millisecond)
	a.Stop()
	require.Eventually(t, func() bool { return held(b) == all }, 30*time.Second, 20*time.Millisecond)
}

func TestAFolderHasOneProcess(t *testing.T) {
	c, err := conf.Load("")
	require.NoError(t, err)
	c.DataDir = t.TempDir()
	first, err := app.New(context.Background(), c, app.Options{})
	require.NoError(t, err)
	_, err = app.New(context.Background(), c, app.Options{})
	require.ErrorIs(t, err, app.ErrFolder)
	first.Close()
	again, err := app.New(context.Background(), c, app.Options{})
	require.NoError(t, err)
	again.Close()
}

func TestNewLeavesNothingOpen(t *testing.T) {
	c, err := conf.Load("")
	require.NoError(t, err)
	c.DataDir = t.TempDir()
	c.Auth.Secret = "short"
	_, err = app.New(context.Background(), c, app.Options{})
	require.Error(t, err)
	folder, err := app.LockFolder(c.DataDir)
	require.NoError(t, err, "the folder was given back")
	folder.Unlock()

	c.DB.DSN = "nobody:x@tcp(127.0.0.1:1)/none"
	_, err = app.New(context.Background(), c, app.Options{})
	require.Error(t, err)
}

func TestListenSaysWhoIsInTheWay(t *testing.T) {
	l, err := app.Listen("127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	_, err = app.Listen(l.Addr().String())
	require.ErrorIs(t, err, app.ErrListen)
	require.True(t, strings.Contains(err.Error(), l.Addr().String()))
}
