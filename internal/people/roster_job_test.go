package people_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jishan/internal/auth"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/people"
)

// ended waits for an import and says how it ended, as the service sees it.
func ended(t *testing.T, s *people.Service, job id.ID) (out people.Import) {
	t.Helper()
	require.Eventually(t, func() bool {
		before := out
		var err error
		out, err = s.Import(ctx, system, job)
		require.NoError(t, err)
		require.GreaterOrEqual(t, out.Percent, before.Percent)
		require.GreaterOrEqual(t, out.Rows, before.Rows)
		return out.State != people.ImportRunning
	}, time.Minute, 2*time.Millisecond)
	return out
}

func TestImportInTheBackground(t *testing.T) {
	f := setup(t)
	data := bigRoster(t, 2000)
	job, err := f.s.StartImport(ctx, system, f.village.ID, data, people.ImportOptions{})
	require.NoError(t, err)
	require.Equal(t, people.ImportRunning, job.State)
	second, err := f.s.StartImport(ctx, system, f.village.ID, data, people.ImportOptions{})
	require.NoError(t, err)
	done := ended(t, f.s, job.ID)
	require.Equal(t, people.ImportDone, done.State)
	require.Equal(t, []int{100, 2000}, []int{done.Percent, done.Rows})
	require.True(t, done.Report.Written)
	require.Equal(t, []int{500, 2000, 0}, []int{done.Report.NewHouseholds, done.Report.NewVillagers, done.Problems})
	require.Equal(t, system.Name, done.ActorName)
	done = ended(t, f.s, second.ID)
	require.Equal(t, []int{0, 2000}, []int{done.Report.NewVillagers, done.Report.Unchanged}, "one after the other, and the second changes nothing")

	// Another process knows it from the database; another village's officer not at all.
	other, err := people.NewService(f.db, bytes.Repeat([]byte("k"), 32))
	require.NoError(t, err)
	seen, err := other.Import(ctx, system, second.ID)
	require.NoError(t, err)
	require.Equal(t, done, seen)
	stranger := auth.Actor{Grants: []auth.Grant{{Role: auth.RoleVillage, Regions: map[id.ID]struct{}{id.New(): {}}}}}
	_, err = f.s.Import(ctx, stranger, job.ID)
	require.ErrorIs(t, err, errs.ErrNotFound)
	_, err = f.s.StartImport(ctx, stranger, f.village.ID, data, people.ImportOptions{})
	require.ErrorIs(t, err, errs.ErrNotFound)
	_, err = f.s.Import(ctx, system, id.New())
	require.ErrorIs(t, err, errs.ErrNotFound)
}

func TestImportInTheBackgroundSaysWhyItFailed(t *testing.T) {
	f := setup(t)
	job, err := f.s.StartImport(ctx, system, f.village.ID, []byte("hello"), people.ImportOptions{})
	require.NoError(t, err)
	done := ended(t, f.s, job.ID)
	require.Equal(t, people.ImportFailed, done.State)
	require.Equal(t, "xlsx.columns", done.Failure.Code)
	require.Contains(t, done.Failure.Text, "表头")

	bad := []byte("户主,身份证号\n" + strings.Repeat("王大山,110105194912310021\n", people.MaxProblems+5))
	job, err = f.s.StartImport(ctx, system, f.village.ID, bad, people.ImportOptions{})
	require.NoError(t, err)
	done = ended(t, f.s, job.ID)
	require.Equal(t, people.ImportDone, done.State)
	require.False(t, done.Report.Written)
	require.Len(t, done.Report.Problems, people.MaxProblems)
	require.GreaterOrEqual(t, done.Problems, people.MaxProblems+5)
	require.Equal(t, [4]int{}, f.count(t))
}

// A process that is stopped writes nothing and says so; one that has died is noticed.
func TestImportInTheBackgroundEndsWithItsProcess(t *testing.T) {
	f := setup(t)
	reading := make(chan struct{})
	told := false
	job, err := f.s.StartImport(ctx, system, f.village.ID, bigRoster(t, 2000), people.ImportOptions{Progress: func(people.Progress) {
		if !told {
			told = true
			close(reading)
			time.Sleep(50 * time.Millisecond) // long enough for Close to be called
		}
	}})
	require.NoError(t, err)
	<-reading
	f.s.Close()
	done, err := f.s.Import(ctx, system, job.ID)
	require.NoError(t, err)
	require.Equal(t, people.ImportFailed, done.State)
	require.Contains(t, done.Failure.Text, "什么也没有写入")
	require.Equal(t, [4]int{}, f.count(t))
	_, err = f.s.StartImport(ctx, system, f.village.ID, bigRoster(t, 10), people.ImportOptions{})
	require.ErrorIs(t, err, people.ErrImportsBusy)

	died := id.New()
	require.NoError(t, f.db.Tx(ctx, func(tx db.Tx) error {
		long := tx.Now.Add(-2 * time.Minute).UnixMilli()
		return tx.Exec("INSERT INTO roster_imports (id, village_id, actor_id, actor_name, state, percent, sheet_rows, report, started_at, seen_at) VALUES (?, ?, 1, '王', 1, 40, 900, '', ?, ?)",
			died, f.village.ID, long, long).Error
	}))
	lost, err := f.s.Import(ctx, system, died)
	require.NoError(t, err)
	require.Equal(t, people.ImportLost, lost.State)
}

func TestTooManyImportsAtOnce(t *testing.T) {
	f := setup(t)
	release := make(chan struct{})
	held := false
	hold := people.ImportOptions{Preview: true, Progress: func(people.Progress) {
		if !held {
			held = true
			<-release
		}
	}}
	data := bigRoster(t, 10)
	var jobs []id.ID
	for {
		job, err := f.s.StartImport(ctx, system, f.village.ID, data, hold)
		if err != nil {
			require.ErrorIs(t, err, people.ErrImportsBusy)
			break
		}
		jobs = append(jobs, job.ID)
		hold.Progress = nil
	}
	require.Len(t, jobs, 9)
	close(release)
	for _, job := range jobs {
		require.Equal(t, people.ImportDone, ended(t, f.s, job).State)
	}
	f.s.Close()
}
