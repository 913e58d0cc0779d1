package proof

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	_ "github.com/go-sql-driver/mysql"

	"jishan/configs"
)

// mariadb is a MariaDB server of the run's own.
type mariadb struct {
	*daemon
	port int
}

// asRoot lets root run the servers as root: the folder is its own and everything listens on the loopback only.
func asRoot() []string {
	if os.Getuid() == 0 {
		return []string{"--user=root"}
	}
	return nil
}

// installMariaDB makes a data folder with an administrator.
func installMariaDB(data string) error {
	args := append([]string{"--no-defaults", "--datadir=" + data, "--auth-root-authentication-method=normal", "--skip-test-db"}, asRoot()...)
	if out, err := exec.Command("mariadb-install-db", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("mariadb-install-db: %w: %s", err, out)
	}
	boot := exec.Command("mariadbd", append([]string{"--no-defaults", "--bootstrap", "--datadir=" + data, "--innodb-log-file-size=64M"}, asRoot()...)...)
	stdin, err := boot.StdinPipe()
	if err != nil {
		return err
	}
	go func() {
		defer stdin.Close()
		fmt.Fprint(stdin, "FLUSH PRIVILEGES;\nDELETE FROM mysql.global_priv WHERE User = '';\nFLUSH PRIVILEGES;\n",
			"CREATE USER admin@'127.0.0.1' IDENTIFIED BY 'admin';\nGRANT ALL ON *.* TO admin@'127.0.0.1' WITH GRANT OPTION;\n")
	}()
	if out, err := boot.CombinedOutput(); err != nil {
		return fmt.Errorf("mariadbd --bootstrap: %w: %s", err, out)
	}
	return nil
}

// mariadbArgs are the settings that every server of a run has. Commits reach the disk, as in production.
func mariadbArgs(dir, name, data string, port int) []string {
	return []string{"mariadbd", "--no-defaults", "--datadir=" + data, "--socket=" + filepath.Join(dir, name+".sock"), "--pid-file=" + filepath.Join(dir, name+".pid"),
		"--bind-address=127.0.0.1", fmt.Sprintf("--port=%d", port), "--skip-name-resolve", "--innodb-flush-log-at-trx-commit=1",
		"--innodb-buffer-pool-size=128M", "--innodb-log-file-size=64M", "--character-set-server=utf8mb4", "--performance-schema=off"}
}

// newMariaDB prepares a single server; start starts it.
func newMariaDB(dir string) (*mariadb, error) {
	data := filepath.Join(dir, "mariadb")
	if err := installMariaDB(data); err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	m := &mariadb{port: port}
	m.daemon = &daemon{name: "mariadb", dir: dir, wait: time.Minute, ready: m.ping,
		args: func() ([]string, error) { return append(mariadbArgs(dir, "mariadb", data, port), asRoot()...), nil }}
	return m, nil
}

func (m *mariadb) addr() string { return fmt.Sprintf("127.0.0.1:%d", m.port) }

// dsn is the database for the program: for the user who has the rights of configs/mariadb-grants.sql and no others.
func dsn(addr, params string) string { return "jishan:jishan@tcp(" + addr + ")/jishan" + params }

// admin is the database for whoever makes its tables.
func (m *mariadb) admin() string { return "admin:admin@tcp(" + m.addr() + ")/jishan" }

func (m *mariadb) ping() error { return m.run("SELECT 1") }

// create makes the empty database and the program's user, as configs/mariadb-users.sql does.
func (m *mariadb) create() error {
	return m.run(`CREATE DATABASE jishan CHARACTER SET utf8mb4; CREATE USER jishan@'127.0.0.1' IDENTIFIED BY 'jishan';
		CREATE ROLE IF NOT EXISTS jishan_server; GRANT jishan_server TO jishan@'127.0.0.1'; SET DEFAULT ROLE jishan_server FOR jishan@'127.0.0.1'`)
}

// grant gives that user its rights on the tables, which are there by now.
func (m *mariadb) grant() error { return m.run("USE jishan;" + configs.MariaDBGrants) }

// open is a connection of the administrator's outside of any database.
func (m *mariadb) open() (*sql.DB, error) {
	return sql.Open("mysql", "admin:admin@tcp("+m.addr()+")/?timeout=1s&readTimeout=10s&multiStatements=true")
}

// run executes statements outside of any database.
func (m *mariadb) run(statements string) error {
	d, err := m.open()
	if err != nil {
		return err
	}
	defer d.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_, err = d.ExecContext(ctx, statements)
	return err
}
