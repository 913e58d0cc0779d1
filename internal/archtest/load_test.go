package archtest

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "jishan"

// pkg is what `go list` tells of a package.
type pkg struct {
	ImportPath                         string
	Name                               string
	Dir                                string
	Doc                                string
	Imports, TestImports, XTestImports []string
	GoFiles, TestGoFiles, XTestGoFiles []string
}

// short is the import path as the levels write it: "ledger", "db/batch", "cmd/jishan", "configs".
func short(importPath string) string {
	return strings.TrimPrefix(strings.TrimPrefix(importPath, module+"/"), "internal/")
}

// ours reports whether the import path lies in this module.
func ours(importPath string) bool { return strings.HasPrefix(importPath, module+"/") }

var list = sync.OnceValues(func() ([]pkg, error) {
	root, err := filepath.Abs("../..")
	if err != nil {
		return nil, err
	}
	cmd := exec.Command("go", "list", "-e", "-tags=nomsgpack",
		"-json=ImportPath,Name,Dir,Doc,Imports,TestImports,XTestImports,GoFiles,TestGoFiles,XTestGoFiles", "./...")
	cmd.Dir, cmd.Stderr = root, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	var all []pkg
	for d := json.NewDecoder(bytes.NewReader(out)); d.More(); {
		var p pkg
		if err := d.Decode(&p); err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
})

func packages(t *testing.T) []pkg {
	t.Helper()
	all, err := list()
	require.NoError(t, err)
	require.Greater(t, len(all), 10, "go list found too little")
	return all
}

// source is one Go file of the module.
type source struct {
	pkg  string // short
	path string // from the root
	test bool
	text string
}

func sources(t *testing.T) []source {
	t.Helper()
	var out []source
	for _, p := range packages(t) {
		add := func(names []string, test bool) {
			for _, n := range names {
				b, err := os.ReadFile(filepath.Join(p.Dir, n))
				require.NoError(t, err)
				rel := filepath.Join(strings.TrimPrefix(p.ImportPath, module+"/"), n)
				out = append(out, source{pkg: short(p.ImportPath), path: rel, test: test, text: string(b)})
			}
		}
		add(p.GoFiles, false)
		add(p.TestGoFiles, true)
		add(p.XTestGoFiles, true)
	}
	return out
}

// knownTables are the tables of the schema.
func knownTables(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../../migrations/sqlite/*.sql")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	var out []string
	for _, f := range files {
		b, err := os.ReadFile(f)
		require.NoError(t, err)
		for _, m := range tables.FindAllStringSubmatch(string(b), -1) {
			out = append(out, m[1])
		}
	}
	return out
}
