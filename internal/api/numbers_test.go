package api_test

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jishan/internal/api"
	"jishan/internal/app/apptest"
	"jishan/internal/auth"
	"jishan/internal/db"
	"jishan/internal/people"
)

type sharedLog struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *sharedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// Identity and telephone numbers come in by every door there is, good ones and wrong ones. None may be found in the log, in any
// column of any table, or in an answer; the one telephone number that an officer asks for is the exception.
func TestNumbersOfPersonsStayInside(t *testing.T) {
	log := &sharedLog{}
	s := apptest.Start(t, func(s *apptest.Setup) {
		s.Options.Log = slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	ctx, system := context.Background(), auth.System("test")
	parent := people.Region{}
	for i, code := range []string{"500100", "500100101", "500100101201"} {
		var err error
		parent, err = s.People.CreateRegion(ctx, system, people.NewRegion{Parent: parent.ID, Kind: people.RegionKind(i + 1), Code: code, Name: "地方" + code})
		require.NoError(t, err)
	}
	_, err := s.Auth.EnsureAdmin(ctx, "admin", "qingyan2026")
	require.NoError(t, err)
	w := &township{Server: s, t: t}
	stranger := caller{w: w}
	admin := caller{w, ask[api.Tokens](stranger, "POST", "/auth/login", api.LoginInput{Audience: "officer", Login: "admin", Password: "qingyan2026"}).AccessToken}

	const father, mother, aunt, uncle, wrong = "11010519491231002X", "500101197001011003", "500101195001010001", "500101196002030017", "110105194912310021"
	const phone, other, short = "13812345678", "13987654321", "1381234567"
	secrets := []string{father, mother, aunt, uncle, wrong, phone, other, short}
	var answers []string
	send := func(method, path string, body any) answer {
		a := admin.send(method, path, body)
		require.Less(t, a.status, 500, "%s", a.body)
		answers = append(answers, string(a.body))
		return a
	}
	v := "/villages/" + parent.ID.String()
	sheet := []byte("户主,姓名,与户主关系,证件号,联系电话\n王大山,王大山,户主," + father + "," + phone + "\n王大山,李小梅,妻," + mother + ",\n")
	bad := []byte("户主,姓名,与户主关系,证件号,联系电话\n赵一,赵一,户主," + wrong + "," + short + "\n孙二,孙二,户主," + uncle + ",\n孙二,孙三,子," + uncle + ",\n")
	for _, data := range [][]byte{bad, sheet, sheet, bad} {
		for _, how := range []string{"?preview=true", "", "?skip_bad=true"} {
			send("POST", v+"/roster/import"+how, data)
		}
		started := send("POST", v+"/roster/imports", data)
		require.Equal(t, 200, started.status, string(started.body))
		job := strings.Split(string(started.body), `"`)[3]
		require.Eventually(t, func() bool {
			return !strings.Contains(string(send("GET", "/roster-imports/"+job, nil).body), `"running"`)
		}, 10*time.Second, 10*time.Millisecond)
	}
	h := "/households/" + ask[api.Page[api.Household]](admin, "GET", "/households?q=wds", nil).Items[0].ID.String()
	send("GET", h, nil)
	send("GET", "/households?q="+phone, nil)
	person := map[string]any{"name": "王二姑", "relation": "姑", "id_number": aunt, "phone": other}
	require.Equal(t, 200, send("POST", h+"/members", person).status)
	require.Equal(t, 409, send("POST", h+"/members", person).status, "taken")
	send("POST", h+"/members", map[string]any{"name": "王三姑", "id_number": wrong, "phone": short})
	send("POST", h+"/members", map[string]any{"name": "王三姑", "id_number": wrong + wrong, "phone": phone + other})
	send("POST", h+"/members", "not an object "+father)
	send("POST", "/households", map[string]any{"village": parent.ID, "members": []any{person}})
	send("GET", "/audit?region="+parent.ID.String(), nil)
	stranger.send("POST", "/auth/login", api.LoginInput{Audience: "officer", Login: phone, Password: father})
	member := ask[api.HouseholdDetail](admin, "GET", h, nil).Members[0]
	require.Equal(t, phone, ask[api.Phone](admin, "GET", "/villagers/"+member.ID.String()+"/phone", nil).Phone, "whoever may see it does")
	require.Equal(t, phone[7:], member.PhoneTail)

	for _, a := range answers {
		for _, secret := range secrets {
			require.NotContains(t, a, secret)
		}
	}
	stored := everything(t, s)
	require.Contains(t, stored, "王二姑", "the search sees what is stored")
	s.Stop()
	written := log.b.String()
	require.Contains(t, written, "roster-import", "the log was written")
	for _, secret := range secrets {
		require.NotContains(t, stored, secret)
		require.NotContains(t, written, secret)
	}
}

// everything is all that a database holds: every column of every table, and, where it is files, their bytes.
func everything(t *testing.T, s *apptest.Server) string {
	var out strings.Builder
	require.NoError(t, s.DB.Read(context.Background(), func(tx db.Tx) error {
		var tables []string
		q := map[db.Dialect]string{db.SQLite: "SELECT name FROM sqlite_master WHERE type = 'table'", db.MySQL: "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()"}[tx.Dialect]
		if err := tx.Raw(q).Scan(&tables).Error; err != nil {
			return err
		}
		for _, table := range tables {
			rows, err := tx.Raw("SELECT * FROM " + table).Rows()
			if err != nil {
				return err
			}
			cols, err := rows.Columns()
			if err != nil {
				return err
			}
			values := make([]any, len(cols))
			for i := range values {
				values[i] = new(sql.RawBytes)
			}
			for rows.Next() {
				if err := rows.Scan(values...); err != nil {
					return err
				}
				for _, v := range values {
					fmt.Fprintf(&out, "%s\n", *v.(*sql.RawBytes))
				}
			}
			if err := rows.Close(); err != nil {
				return err
			}
		}
		return nil
	}))
	if path, ok := strings.CutPrefix(string(s.Config.DB.DSN), "sqlite:"); ok {
		files, err := filepath.Glob(path + "*")
		require.NoError(t, err)
		for _, f := range files {
			b, err := os.ReadFile(f)
			require.NoError(t, err)
			out.Write(b)
		}
	}
	return out.String()
}
