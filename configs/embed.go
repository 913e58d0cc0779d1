// Package configs holds the configuration files that are shipped with the program.
//
// It owns default.yaml, which is both the built-in defaults and the
// documentation of every key; internal/conf reads it, and mariadb-grants.sql,
// under which the tests run:
//
//	k.Load(rawbytes.Provider(configs.DefaultYAML), yaml.Parser())
package configs

import _ "embed"

// DefaultYAML is default.yaml as it was when the program was built.
//
//go:embed default.yaml
var DefaultYAML []byte

// MariaDBGrants is mariadb-grants.sql: the rights of the server's user. The tests on MariaDB run under them.
//
//go:embed mariadb-grants.sql
var MariaDBGrants string
