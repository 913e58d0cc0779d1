//go:build bench

package bench

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jishan/internal/auth"
	"jishan/internal/db"
	"jishan/internal/people"
	"jishan/internal/testkit"
)

// bigVillage is how many households the village has that is searched.
const bigVillage = 2000

var (
	surnames = []string{"王", "李", "张", "刘", "陈", "杨", "黄", "赵", "周", "吴", "徐", "孙", "胡", "朱", "高", "林", "何", "郭", "马", "罗", "龙", "彭", "田", "覃", "向"}
	givens   = []string{"建国", "秀英", "桂香", "志强", "大山", "小红", "德勇", "翠兰", "文华", "玉梅", "春生", "金凤", "水清", "开平", "礼永", "先明"}
)

// TestSearch measures what the console asks while somebody types, in a village of 2,000 households with 3 people each, one
// person typing and eight at once. BENCH_OUT names the file that the table is appended to.
func TestSearch(t *testing.T) {
	dsn, ctx, system := testkit.DSN(t), context.Background(), auth.System("bench")
	village := emptyVillage(t, dsn)
	d, err := db.Open(ctx, db.Options{DSN: dsn})
	require.NoError(t, err)
	defer d.Close()
	pp, err := people.NewService(d, []byte(secret))
	require.NoError(t, err)
	name := func(n int) string {
		return surnames[n%len(surnames)] + givens[n/len(surnames)%len(givens)]
	}
	var codes []string
	for h := range bigVillage {
		made, err := pp.CreateHousehold(ctx, system, people.NewHousehold{Village: village, Members: []people.Person{{Name: name(h)}, {Name: name(7*h + 3)}, {Name: name(11*h + 5)}}})
		require.NoError(t, err)
		codes = append(codes, made.Code)
	}
	au, err := auth.New(d, auth.Options{Secret: secret, AccessTTL: time.Hour, RefreshTTL: time.Hour})
	require.NoError(t, err)
	defer au.Close()
	_, err = au.EnsureAdmin(ctx, "admin", password)
	require.NoError(t, err)
	s := serve(t, dsn)
	admin := s.login(t, "officer", "admin")

	kinds := []struct {
		what string
		text func(n int) string
	}{
		{"a whole name", name}, {"one character", func(n int) string { return surnames[n%len(surnames)] }},
		{"pinyin initials", func(n int) string { return []string{"w", "zjg", "lsy", "tgx", "xzq", "cd"}[n%6] }},
		{"a house code", func(n int) string { return codes[n*37%len(codes)] }}, {"the head of a house code", func(n int) string { return codes[n*37%len(codes)][:4] }},
		{"nobody", func(int) string { return "没有这个人" }},
	}
	var out strings.Builder
	fmt.Fprintf(&out, "\n## Searching a village of %d households on %s\n\n", bigVillage, databaseName(dsn))
	fmt.Fprintf(&out, "`GET /households?q=…&limit=12`, what the award desk asks at each pause in typing; %d people. %d requests a row with %s on %d cores.\n\n", 3*bigVillage, searches, runtime.Version(), runtime.NumCPU())
	out.WriteString("| typed | at once | p50 | p95 | p99 |\n|---|---:|---:|---:|---:|\n")
	for _, k := range kinds {
		for _, clients := range []int{1, 8} {
			took := make([]time.Duration, searches)
			var wg sync.WaitGroup
			for c := range clients {
				wg.Go(func() {
					for i := c; i < searches; i += clients {
						begin := time.Now()
						err := s.call(http.MethodGet, "/households?limit=12&village="+village.String()+"&q="+url.QueryEscape(k.text(i)), admin, nil, nil)
						took[i] = time.Since(begin)
						if err != nil {
							t.Error(err)
						}
					}
				})
			}
			wg.Wait()
			slices.Sort(took)
			at := func(percent int) string { return short(took[searches*percent/100]) }
			fmt.Fprintf(&out, "| %s | %d | %s | %s | %s |\n", k.what, clients, at(50), at(95), at(99))
		}
	}
	out.WriteString("\n")
	t.Log(out.String())
	appendTo(t, os.Getenv("BENCH_OUT"), out.String())
}

// searches is how many requests each row is taken from.
const searches = 800
