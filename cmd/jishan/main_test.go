package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jishan/internal/app"
	"jishan/internal/award"
	"jishan/internal/conf"
	"jishan/internal/db"
	"jishan/internal/demo"
	"jishan/internal/id"
	"jishan/internal/ledger"
	"jishan/internal/testkit"
)

// command runs the program in-process with a data folder and says how it ended.
func command(t *testing.T, input string, args ...string) (code int, out, errOut string) {
	t.Helper()
	var o, e bytes.Buffer
	code = run(context.Background(), args, strings.NewReader(input), &o, &e)
	return code, o.String(), e.String()
}

// folder is a fresh data folder that the environment names.
func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("JISHAN_DATA_DIR", dir)
	return dir
}

// township is a small demo in a folder: two months, a few households.
func township(t *testing.T) (string, demo.Guide) {
	t.Helper()
	dir := folder(t)
	ctx := context.Background()
	c, err := conf.Load("")
	require.NoError(t, err)
	clock := &demo.Clock{}
	d, err := db.Open(ctx, db.Options{DataDir: dir, Clock: clock.Now})
	require.NoError(t, err)
	require.NoError(t, d.Migrate(ctx))
	s, err := app.NewServices(c, d)
	require.NoError(t, err)
	world := demo.World{DB: d, Auth: s.Auth, People: s.People, Rules: s.Rules, Shops: s.Shops, Party: s.Party, Awards: s.Awards, Redeem: s.Redeem}
	g, err := demo.Fill(ctx, world, clock, demo.Extent{Until: time.Now(), Months: 1, Percent: 7}, nil)
	require.NoError(t, err)
	s.Close()
	require.NoError(t, d.Close())
	return dir, g
}

func TestUsage(t *testing.T) {
	code, out, _ := command(t, "")
	require.Equal(t, exitOK, code)
	for _, word := range []string{"用法：", "serve", "demo", "migrate", "import", "export", "admin", "boards", "verify", "doctor", "openapi"} {
		require.Contains(t, out, word)
	}
	require.NotContains(t, out, "Usage")
	code, _, errOut := command(t, "", "sreve")
	require.Equal(t, exitUsage, code)
	require.Contains(t, errOut, "是不是想写")
	code, _, _ = command(t, "", "export", "ledger")
	require.Equal(t, exitUsage, code)
}

func TestAMistypedKeyStops(t *testing.T) {
	folder(t)
	t.Setenv("JISHAN_HTTP_ADR", "x")
	code, _, errOut := command(t, "", "migrate")
	require.Equal(t, exitUsage, code)
	require.Contains(t, errOut, "JISHAN_HTTP_ADDR")
}

func TestMigrateAdminDoctor(t *testing.T) {
	folder(t)
	code, out, _ := command(t, "", "verify")
	require.Equal(t, exitFailed, code, out)
	code, out, _ = command(t, "", "migrate", "status")
	require.Equal(t, exitFailed, code)
	require.Contains(t, out, "请先运行 jishan migrate")
	code, out, _ = command(t, "", "doctor")
	require.Equal(t, exitFailed, code, "the schema is missing: %s", out)
	code, out, errOut := command(t, "", "migrate")
	require.Equal(t, exitOK, code, errOut)
	require.Contains(t, out, "已从版本 0 升级到")
	code, _, _ = command(t, "", "migrate", "status")
	require.Equal(t, exitOK, code)

	code, _, errOut = command(t, "short\n", "admin", "create", "guanli")
	require.Equal(t, exitFailed, code)
	require.Contains(t, errOut, "密码")
	code, out, errOut = command(t, "qingyan2026\n", "admin", "create", "guanli")
	require.Equal(t, exitOK, code, errOut)
	require.Contains(t, out, "已建立")
	code, out, _ = command(t, "qingyan2027\n", "admin", "password", "guanli")
	require.Equal(t, exitOK, code)
	require.Contains(t, out, "已重设")
	code, _, errOut = command(t, "qingyan2027\n", "admin", "password", "meiyou")
	require.Equal(t, exitFailed, code)
	require.Contains(t, errOut, "没有登录名")

	code, out, _ = command(t, "", "doctor")
	require.Equal(t, exitOK, code, out)
	require.Contains(t, out, "一切正常")
	code, out, _ = command(t, "", "verify")
	require.Equal(t, exitOK, code, out)
}

func TestDoctorNamesWhatIsWrong(t *testing.T) {
	folder(t)
	t.Setenv("JISHAN_DB_DSN", "nobody:x@tcp(127.0.0.1:1)/none")
	t.Setenv("JISHAN_REDIS_ADDRS", "127.0.0.1:1")
	code, out, _ := command(t, "", "doctor")
	require.Equal(t, exitFailed, code)
	require.Contains(t, out, "[有误] 数据库：连不上")
	require.Contains(t, out, "[有误] Redis：连不上")
	require.NotContains(t, out, "nobody:x")
	code, _, _ = command(t, "", "doctor", "--health", "http://127.0.0.1:1")
	require.Equal(t, exitFailed, code)
}

// Who runs the server is told whether the database keeps its hands off the ledger.
func TestDoctorLooksAtTheRightsOnTheLedger(t *testing.T) {
	folder(t)
	if !testkit.OnMySQL() { // SQLite has no users
		code, out, _ := command(t, "", "migrate")
		require.Equal(t, exitOK, code, out)
		_, out, _ = command(t, "", "doctor")
		require.NotContains(t, out, "数据库账号")
		return
	}
	t.Setenv("JISHAN_DB_DSN", testkit.DSN(t))
	code, out, _ := command(t, "", "doctor")
	require.Equal(t, exitOK, code, out)
	require.Contains(t, out, "[正常] 数据库账号：账本的记录只能添加")
	t.Setenv("JISHAN_DB_DSN", testkit.EmptyMySQL(t))
	code, out, _ = command(t, "", "migrate")
	require.Equal(t, exitOK, code, out)
	code, out, _ = command(t, "", "doctor")
	require.Equal(t, exitOK, code, out)
	require.Contains(t, out, "[注意] 数据库账号：能改动、删除账本的记录")
}

func TestVerifyNamesTheAccount(t *testing.T) {
	dir, g := township(t)
	code, out, errOut := command(t, "", "verify")
	require.Equal(t, exitOK, code, out+errOut)
	require.Contains(t, out, "村账：7 本")
	require.Contains(t, out, "全部相符")

	d, err := db.Open(context.Background(), db.Options{DataDir: dir})
	require.NoError(t, err)
	defer d.Close()
	var account string
	require.NoError(t, d.Tx(context.Background(), func(tx db.Tx) error {
		var rows []struct{ ID int64 }
		require.NoError(t, tx.Raw("SELECT id FROM accounts WHERE owner_id = ? AND kind = ?", g.Homes[0].ID, ledger.KindWallet).Scan(&rows).Error)
		require.Len(t, rows, 1)
		account = g.Homes[0].ID.String()
		return tx.Exec("UPDATE accounts SET balance = balance + 100 WHERE id = ?", rows[0].ID).Error
	}))
	code, out, _ = command(t, "", "verify")
	require.Equal(t, exitFailed, code)
	require.Contains(t, out, "[不符] 小渔溪村")
	require.Contains(t, out, account, "the finding names whose account it is")
	require.Contains(t, out, "发现 1 处不符")
}

func TestVerifyGoesOnSinceTheLastSeal(t *testing.T) {
	dir, g := township(t)
	d, err := db.Open(context.Background(), db.Options{DataDir: dir, Clock: func() time.Time { return time.Now().Add(48 * time.Hour) }})
	require.NoError(t, err)
	require.NoError(t, d.Tx(context.Background(), func(tx db.Tx) error {
		due, err := ledger.DueSeals(tx, g.Pilot)
		require.NoError(t, err)
		require.NotEmpty(t, due)
		_, err = ledger.KeepSeals(tx, due)
		return err
	}))
	code, out, errOut := command(t, "", "verify")
	require.Equal(t, exitOK, code, out+errOut)
	count := func(out string) (n int) {
		_, err := fmt.Sscanf(out[strings.Index(out, "交易"):], "交易 %d 笔", &n)
		require.NoError(t, err, out)
		return n
	}
	all := count(out)
	code, out, errOut = command(t, "", "verify", "--since-seal")
	require.Equal(t, exitOK, code, out+errOut)
	require.Less(t, count(out), all, "the sealed book is not read again")
	require.Contains(t, out, "只核对了上次日封以后的")
	rest := count(out)

	// One award more is one more to read, in every table.
	c, err := conf.Load("")
	require.NoError(t, err)
	s, err := app.NewServices(c, d)
	require.NoError(t, err)
	defer s.Close()
	given, err := s.Awards.Grant(context.Background(), commandLine, award.Order{Village: g.Pilot, Grants: []award.Grant{{Rule: g.Try.Rule, Household: g.Homes[0].ID}}})
	require.NoError(t, err)
	all++
	awards := func(out string) (n int) {
		_, err := fmt.Sscanf(out[strings.Index(out, "加减分："):], "加减分：%d 笔", &n)
		require.NoError(t, err, out)
		return n
	}
	before := awards(out)
	code, out, errOut = command(t, "", "verify", "--since-seal")
	require.Equal(t, exitOK, code, out+errOut)
	require.Equal(t, rest+1, count(out))
	require.Equal(t, before+1, awards(out))
	testkit.Tamper(t, d, "UPDATE awards SET points = points + 100 WHERE village_id = ? AND number = ?", int64(g.Pilot), given[0].Number)
	code, out, _ = command(t, "", "verify", "--since-seal")
	require.Equal(t, exitFailed, code)
	require.Contains(t, out, fmt.Sprintf("第 %d 号加减分在账本里找不到，或分值、户、人不符", given[0].Number))
	testkit.Tamper(t, d, "UPDATE awards SET points = points - 100 WHERE village_id = ? AND number = ?", int64(g.Pilot), given[0].Number)

	testkit.Tamper(t, d, "UPDATE ledger_seals SET score = score + 100 WHERE book_id = ?", int64(g.Pilot))
	require.NoError(t, d.Close())
	code, out, _ = command(t, "", "verify", "--since-seal")
	require.Equal(t, exitFailed, code)
	require.Contains(t, out, "的日封核对过，现在没有了或被改动过")
	require.Equal(t, all, count(out))
}

func TestExportedLedgerIsCheckedByAnotherProgram(t *testing.T) {
	dir, g := township(t)
	// A reason with everything that is quoted.
	c, err := conf.Load("")
	require.NoError(t, err)
	d, err := db.Open(context.Background(), db.Options{DataDir: dir})
	require.NoError(t, err)
	s, err := app.NewServices(c, d)
	require.NoError(t, err)
	_, err = s.Awards.Grant(context.Background(), commandLine, award.Order{Village: g.Pilot, Grants: []award.Grant{
		{Rule: g.Try.Rule, Household: g.Homes[0].ID, Note: "引号\"反斜杠\\换行\n全角空格　不间断\u00a0零宽\u200b表情😀 é \x01\x7f"}}})
	require.NoError(t, err)
	s.Close()
	require.NoError(t, d.Close())

	file := filepath.Join(t.TempDir(), "ledger.jsonl")
	code, _, errOut := command(t, "", "export", "ledger", "--village", "439900100201", "-o", file)
	require.Equal(t, exitOK, code, errOut)
	check := func(lines string) (string, error) {
		cmd := exec.Command("node", "../../scripts/check-ledger.mjs")
		cmd.Stdin = strings.NewReader(lines)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	out, err := check(string(b))
	require.NoError(t, err, out)
	require.Contains(t, out, "全部相符")

	lines := strings.SplitAfter(string(b), "\n")
	out, err = check(strings.Join(append(lines[:3:3], lines[4:]...), ""))
	require.Error(t, err, "a missing transaction")
	require.Contains(t, out, "中间有缺号")
	var tx transaction
	require.NoError(t, json.Unmarshal([]byte(lines[3]), &tx))
	tx.Reason += "。"
	changed, err := json.Marshal(tx)
	require.NoError(t, err)
	out, err = check(strings.Join(append(lines[:3:3], string(changed)+"\n"), ""))
	require.Error(t, err, "a changed reason")
	require.Contains(t, out, "内容与指纹不符")

	code, _, errOut = command(t, "", "export", "ledger", "--village", "999999999999")
	require.Equal(t, exitFailed, code)
	require.Contains(t, errOut, "999999999999")
}

func TestProofIsCheckedByAnotherProgram(t *testing.T) {
	dir, g := township(t)
	d, err := db.Open(context.Background(), db.Options{DataDir: dir, Clock: func() time.Time { return time.Now().Add(48 * time.Hour) }})
	require.NoError(t, err)
	var due []ledger.DaySeal
	require.NoError(t, d.Tx(context.Background(), func(tx db.Tx) (err error) {
		due, err = ledger.DueSeals(tx, g.Pilot)
		return err
	}))
	require.Greater(t, len(due), 2)
	code, _, errOut := command(t, "", "verify", "--proof", "439900100201/1")
	require.Equal(t, exitFailed, code)
	require.Contains(t, errOut, "还没有封存")
	require.NoError(t, d.Tx(context.Background(), func(tx db.Tx) error {
		_, err := ledger.KeepSeals(tx, due)
		return err
	}))
	require.NoError(t, d.Close())

	check := func(p ledger.ProofDocument, published ...string) (string, error) {
		b, err := json.Marshal(p)
		require.NoError(t, err)
		cmd := exec.Command("node", append([]string{"../../scripts/check-proof.mjs"}, published...)...)
		cmd.Stdin = bytes.NewReader(b)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	prove := func(number int64) (p ledger.ProofDocument) {
		code, out, errOut := command(t, "", "verify", "--proof", fmt.Sprintf("439900100201/%d", number))
		require.Equal(t, exitOK, code, errOut)
		require.NoError(t, json.Unmarshal([]byte(out), &p))
		return p
	}
	largest := due[0]
	for _, s := range due {
		if s.Number-s.First > largest.Number-largest.First {
			largest = s
		}
	}
	require.Greater(t, largest.Number, largest.First+3)
	published := fmt.Sprintf("%x", largest.Hash)
	for _, n := range []int64{largest.First, largest.First + 1, (largest.First + largest.Number) / 2, largest.Number - 1, largest.Number} {
		out, err := check(prove(n), published)
		require.NoError(t, err, out)
		require.Contains(t, out, fmt.Sprintf("证明成立：第 %d 号属于 %d 的日封 %s", n, largest.Day, published))
	}
	// What anyone gets names nobody, and is checked the same way.
	open := prove(largest.First + 1)
	open.Private = ""
	out, err := check(open, published)
	require.NoError(t, err, out)
	for _, word := range []string{"household", "reason", "actor", "entry"} {
		require.NotContains(t, open.Text, word)
	}
	open.Text = ""
	out, err = check(open, published)
	require.NoError(t, err, out)
	sum := func(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) }
	other := prove(due[0].Number)
	if due[0].Day == largest.Day {
		other = prove(due[1].Number)
	}
	for why, change := range map[string]func(p *ledger.ProofDocument){
		"不认识这种格式":       func(p *ledger.ProofDocument) { p.Format = "x" },
		"日封与它的指纹不符":     func(p *ledger.ProofDocument) { p.Seal.Text = strings.Replace(p.Seal.Text, "awarded ", "awarded 1", 1) },
		"日封不是公布的那一封":    func(p *ledger.ProofDocument) { p.Seal = other.Seal },
		"记录的内容与它的指纹不符":  func(p *ledger.ProofDocument) { p.Text = strings.Replace(p.Text, "moved ", "moved 1", 1) },
		"不公开的内容与它的指纹不符": func(p *ledger.ProofDocument) { p.Private = strings.Replace(p.Private, "reason \"", "reason \"不", 1) },
		"记录与日封不是同一个村的":  func(p *ledger.ProofDocument) { p.Book = id.New() },
		"号数不符":          func(p *ledger.ProofDocument) { p.Number++ },
		"这一号不在这一天的日封里": func(p *ledger.ProofDocument) {
			p.Number, p.Text, p.Private, p.Hash = other.Number, other.Text, other.Private, other.Hash
		},
		"路径太长或有误":    func(p *ledger.ProofDocument) { p.Path = append(p.Path, p.Hash) },
		"路径到不了日封的根":  func(p *ledger.ProofDocument) { p.Path = p.Path[:len(p.Path)-1] },
		"路径到不了日封的根 ": func(p *ledger.ProofDocument) { p.Path[0] = p.Hash },
		" 路径到不了日封的根": func(p *ledger.ProofDocument) {
			p.Text = strings.Replace(p.Text, "moved ", "moved 1", 1)
			p.Hash = sum(p.Text)
		},
	} {
		p := prove(largest.First + 1)
		change(&p)
		out, err := check(p, published)
		require.Error(t, err, why)
		require.Contains(t, out, strings.TrimSpace(why))
	}
	for _, bad := range []string{"439900100201", "439900100201/x", "439900100201/0", "439900100201/99999999"} {
		code, _, errOut = command(t, "", "verify", "--proof", bad)
		require.Equal(t, exitFailed, code, bad)
		require.NotEmpty(t, errOut)
	}
}

func TestImport(t *testing.T) {
	township(t)
	dir := t.TempDir()
	roster := filepath.Join(dir, "户册.csv")
	require.NoError(t, os.WriteFile(roster, []byte("组,户主,姓名,与户主关系,性别,手机号\n1组,张新来,张新来,户主,男,13900000001\n1组,张新来,李小新,配偶,女,\n"), 0o600))
	code, out, errOut := command(t, "", "import", "roster", "--village", "439900100202", "--preview", roster)
	require.Equal(t, exitOK, code, errOut)
	require.Contains(t, out, "没有写入")
	code, out, errOut = command(t, "", "import", "roster", "--village", "439900100202", roster)
	require.Equal(t, exitOK, code, errOut)
	require.Contains(t, out, "新增 1 户 2 人")

	bad := filepath.Join(dir, "bad.csv")
	report := filepath.Join(dir, "bad.xlsx")
	require.NoError(t, os.WriteFile(bad, []byte("户主,姓名,手机号\n王五,王五,123\n"), 0o600))
	code, out, _ = command(t, "", "import", "roster", "--village", "439900100202", "--report", report, bad)
	require.Equal(t, exitFailed, code)
	require.Contains(t, out, "第2行")
	require.FileExists(t, report)

	members := filepath.Join(dir, "党员.csv")
	require.NoError(t, os.WriteFile(members, []byte("姓名,类别\n张新来,骨干党员\n"), 0o600))
	code, out, errOut = command(t, "", "import", "members", "--village", "439900100202", members)
	require.Equal(t, exitOK, code, out+errOut)
	require.Contains(t, out, "新增 1 人")

	rules := "../../internal/rule/testdata/rulebook-luoyu.csv"
	code, out, errOut = command(t, "", "import", "rules", "--region", "439900100202", "--name", "芷溪村积分细则", "--preview", rules)
	require.Equal(t, exitOK, code, errOut)
	code, out, errOut = command(t, "", "import", "rules", "--region", "439900100202", "--name", "芷溪村积分细则", "--meeting", "村民代表会议", "--for", "30", "--against", "1", rules)
	require.Equal(t, exitOK, code, out+errOut)
	require.Contains(t, out, "起生效")
	code, _, errOut = command(t, "", "import", "rules", "--region", "439900100202", "--name", "x", "--on", "昨天", rules)
	require.Equal(t, exitFailed, code)
	require.Contains(t, errOut, "2026-11-23")
}

func TestOpenAPI(t *testing.T) {
	code, out, _ := command(t, "", "openapi")
	require.Equal(t, exitOK, code)
	var doc struct{ OpenAPI string }
	require.NoError(t, json.Unmarshal([]byte(out), &doc))
	require.True(t, strings.HasPrefix(doc.OpenAPI, "3.1"))
}

func TestDemoRefuses(t *testing.T) {
	dir := folder(t)
	for name, value := range map[string]string{"JISHAN_MODE": "production", "JISHAN_DB_DSN": "a:b@tcp(127.0.0.1:1)/x", "JISHAN_REDIS_ADDRS": "127.0.0.1:1"} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(name, value)
			code, _, errOut := command(t, "", "demo")
			require.Equal(t, exitUsage, code)
			require.Contains(t, errOut, "演示")
		})
	}
	// Somebody's own data is left alone.
	t.Setenv("JISHAN_HTTP_ADDR", "127.0.0.1:0")
	code, _, errOut := command(t, "", "migrate")
	require.Equal(t, exitOK, code, errOut)
	code, _, errOut = command(t, "", "demo")
	require.Equal(t, exitFailed, code)
	require.Contains(t, errOut, "不是演示")
	require.FileExists(t, filepath.Join(dir, "jishan.db"))
}

func TestServe(t *testing.T) {
	folder(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := l.Addr().String()
	t.Setenv("JISHAN_HTTP_ADDR", addr)
	code, _, errOut := command(t, "", "serve")
	require.Equal(t, exitFailed, code, "the address is taken")
	require.Contains(t, errOut, addr)
	require.NoError(t, l.Close())

	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan int, 1)
	go func() {
		var o, e bytes.Buffer
		ended <- run(ctx, []string{"serve"}, strings.NewReader(""), &o, &e)
	}()
	require.Eventually(t, func() bool {
		code, _, _ := command(t, "", "doctor", "--health", "http://"+addr)
		return code == exitOK
	}, 20*time.Second, 50*time.Millisecond)
	cancel()
	select {
	case code := <-ended:
		require.Equal(t, exitOK, code)
	case <-time.After(20 * time.Second):
		require.Fail(t, "serve did not stop")
	}
}
