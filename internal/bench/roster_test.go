//go:build bench

package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/xuri/excelize/v2"

	"jishan/internal/auth"
	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/people"
	"jishan/internal/testkit"
)

const (
	rosterPeople = 50_000
	rosterOf     = 4 // people a household
	rosterCode   = "500100101201"
)

// TestRoster imports the largest roster there is from the command line, into an empty village and once more, on one database.
// BENCH_OUT names the file that the table is appended to.
func TestRoster(t *testing.T) {
	dsn := testkit.DSN(t)
	emptyVillage(t, dsn)
	sheet := filepath.Join(t.TempDir(), "花名册.xlsx")
	size := writeRoster(t, sheet)
	var out strings.Builder
	fmt.Fprintf(&out, "\n## A roster of %d people on %s\n\n", rosterPeople, databaseName(dsn))
	fmt.Fprintf(&out, "`jishan import roster`, a sheet of %d rows in households of %d whose cells 组, 户主 and 住址 are merged, with identity and telephone numbers, %.1f MiB.\n\n",
		rosterPeople, rosterOf, float64(size)/(1<<20))
	out.WriteString("| what | rows per second | took | memory at its highest (VmHWM) |\n|---|---:|---:|---:|\n")
	for _, c := range []struct {
		name, want string
		args       []string
	}{
		{"preview", "新增 12500 户 50000 人", []string{"--preview"}},
		{"first import", "新增 12500 户 50000 人", nil},
		{"the same sheet again", "不变 50000 人", nil},
	} {
		took, peak, said := runImport(t, dsn, append(c.args, sheet)...)
		require.Contains(t, said, c.want)
		fmt.Fprintf(&out, "| %s | %.0f | %.1f s | %d MiB |\n", c.name, rosterPeople/took.Seconds(), took.Seconds(), peak)
	}
	other := testkit.DSN(t)
	village := emptyVillage(t, other)
	took, peak := serveImport(t, other, village.String(), sheet)
	fmt.Fprintf(&out, "| first import over HTTP, in the serving process | %.0f | %.1f s | %d MiB |\n", rosterPeople/took.Seconds(), took.Seconds(), peak)
	t.Log(out.String())
	appendTo(t, os.Getenv("BENCH_OUT"), out.String())
}

func databaseName(dsn string) string {
	if isMySQL(dsn) {
		return "MariaDB"
	}
	return "SQLite"
}

func appendTo(t testing.TB, path, text string) {
	if path == "" {
		return
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o644)
	require.NoError(t, err)
	_, err = f.WriteString(text)
	require.NoError(t, err)
	require.NoError(t, f.Close())
}

// serveImport uploads the sheet to bin/jishan serve and asks how far it is until it is done.
func serveImport(t testing.TB, dsn, village, sheet string) (took time.Duration, peak int) {
	s := serve(t, dsn)
	token := s.login(t, "officer", "admin")
	data, err := os.ReadFile(sheet)
	require.NoError(t, err)
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	part, err := w.CreateFormFile("file", "roster.xlsx")
	require.NoError(t, err)
	_, err = part.Write(data)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	begin := time.Now()
	req, err := http.NewRequest(http.MethodPost, s.base+"/villages/"+village+"/roster/imports", &form)
	require.NoError(t, err)
	req.Header.Set("Content-Type", w.FormDataContentType())
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := s.client.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	var job struct {
		ID, State string
		Report    struct {
			NewVillagers int `json:"new_villagers"`
		}
	}
	require.NoError(t, json.NewDecoder(res.Body).Decode(&job))
	for job.State == "running" {
		time.Sleep(50 * time.Millisecond)
		require.NoError(t, s.call(http.MethodGet, "/roster-imports/"+job.ID, token, nil, &job))
	}
	require.Equal(t, "done", job.State)
	require.Equal(t, rosterPeople, job.Report.NewVillagers)
	took = time.Since(begin)
	_, peak = s.memory(t)
	return took, peak
}

// emptyVillage makes a village and an administrator.
func emptyVillage(t testing.TB, dsn string) id.ID {
	ctx, system := context.Background(), auth.System("bench")
	d, err := db.Open(ctx, db.Options{DSN: dsn})
	require.NoError(t, err)
	defer d.Close()
	s, err := people.NewService(d, []byte(secret))
	require.NoError(t, err)
	parent := people.Region{}
	for i, code := range []string{"500100", "500100101", rosterCode} {
		parent, err = s.CreateRegion(ctx, system, people.NewRegion{Parent: parent.ID, Kind: people.RegionKind(i + 1), Code: code, Name: fmt.Sprintf("地方%d", i)})
		require.NoError(t, err)
	}
	au, err := auth.New(d, auth.Options{Secret: secret, AccessTTL: time.Hour, RefreshTTL: time.Hour})
	require.NoError(t, err)
	defer au.Close()
	_, err = au.EnsureAdmin(ctx, "admin", password)
	require.NoError(t, err)
	return parent.ID
}

// writeRoster makes the sheet as people make it: titles, the household's cells merged, a sum beneath. It returns its size.
func writeRoster(t testing.TB, path string) int64 {
	x := excelize.NewFile()
	defer x.Close()
	w, err := x.NewStreamWriter("Sheet1")
	require.NoError(t, err)
	row := 0
	add := func(values ...any) {
		row++
		require.NoError(t, w.SetRow("A"+strconv.Itoa(row), values))
	}
	add("青山县渔溪镇2026年花名册")
	add("序号", "村民小组", "户主姓名", "姓名", "与户主关系", "证件号码", "联系电话", "家庭住址")
	for i := range rosterPeople {
		house := i / rosterOf
		head := fmt.Sprintf("覃建%d", house)
		group, address, name, relation := any(nil), any(nil), fmt.Sprintf("%s之%d", head, i%rosterOf), "家人"
		of := any(nil)
		if i%rosterOf == 0 {
			group, address, of, name, relation = fmt.Sprintf("第%d组", house%12+1), fmt.Sprintf("老街%d号", house), head, head, "户主"
		}
		add(i+1, group, of, name, relation, identityNumber(i), fmt.Sprintf("139%08d", i), address)
		if i%rosterOf == rosterOf-1 {
			for _, column := range []string{"B", "C", "H"} {
				require.NoError(t, w.MergeCell(fmt.Sprintf("%s%d", column, row-rosterOf+1), fmt.Sprintf("%s%d", column, row)))
			}
		}
	}
	add(nil, "合计", nil, rosterPeople)
	require.NoError(t, w.MergeCell("A1", "H1"))
	require.NoError(t, w.Flush())
	require.NoError(t, x.SaveAs(path))
	info, err := os.Stat(path)
	require.NoError(t, err)
	return info.Size()
}

// identityNumber is the n-th of 50,000 invented numbers with right check digits.
func identityNumber(n int) string {
	s := fmt.Sprintf("500101%04d%02d%02d%03d", 1950+n/1000%50, n/28%12+1, n%28+1, n%1000)
	sum := 0
	for i, w := range []int{7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2} {
		sum += int(s[i]-'0') * w
	}
	return s + string("10X98765432"[sum%11])
}

// runImport runs bin/jishan import roster to its end and says how long it took, its largest resident size in MiB and what it said.
func runImport(t testing.TB, dsn string, args ...string) (took time.Duration, peak int, said string) {
	cmd := exec.Command(binary(t), append([]string{"import", "roster", "--village", rosterCode}, args...)...)
	cmd.Env = append(os.Environ(), "JISHAN_DB_DSN="+dsn, "JISHAN_DATA_DIR="+t.TempDir())
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	begin := time.Now()
	require.NoError(t, cmd.Start())
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	for {
		select {
		case err := <-done:
			require.NoError(t, err, out.String())
			return time.Since(begin), peak, out.String()
		case <-time.After(5 * time.Millisecond):
			if _, high, err := resident(cmd.Process.Pid); err == nil {
				peak = max(peak, high)
			}
		}
	}
}
