package archtest

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTheProgramIsNotBroken: files that break a promise on purpose, so that internal/proof may be seen to notice, are in no build
// but its own.
func TestTheProgramIsNotBroken(t *testing.T) {
	for dir, file := range map[string]string{"../db": "commit_early.go", "../ledger": "lock_broken.go"} {
		list := exec.Command("go", "list", "-tags", "nomsgpack", "-f", "{{.GoFiles}} without {{.IgnoredGoFiles}}", ".")
		list.Dir = dir
		out, err := list.CombinedOutput()
		require.NoError(t, err, "%s", out)
		in, left, _ := strings.Cut(string(out), " without ")
		require.NotContains(t, in, file)
		require.Contains(t, left, file)
	}
	broken := regexp.MustCompile(`earlyanswer|brokenlock`)
	for _, path := range []string{"../../Makefile", "../../Dockerfile", "../../scripts/test.sh", "../../scripts/services.sh", "../../.ci/run"} {
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		require.NotRegexp(t, broken, string(b), path)
	}
}
