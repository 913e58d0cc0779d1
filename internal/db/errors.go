package db

import (
	"database/sql/driver"
	"errors"

	"github.com/go-sql-driver/mysql"
	"github.com/ncruces/go-sqlite3"
	"gorm.io/gorm"
)

// MySQL error numbers that matter here; see the MySQL and MariaDB error references.
const (
	erDuplicate      = 1062
	erLockWait       = 1205
	erDeadlock       = 1213 // also Galera's certification failure
	erCheckread      = 1020 // record changed since last read
	erQueryInterrupt = 1317
	erWsrepNotReady  = 1047
	erTooManyConns   = 1040
	erTableDenied    = 1142
	erNoVariable     = 1193
	erTiDBConflict   = 9007
	erTiDBRetry      = 8002
	erNull           = 1048
	erOutOfRange     = 1264
	erWrongValue     = 1366
	erTooLong        = 1406
	erNoParent       = 1452
	erCheck          = 4025 // MariaDB
	erCheckMySQL     = 3819
)

// Duplicate reports whether err is a violated unique or primary key.
func Duplicate(err error) bool {
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return true
	}
	var m *mysql.MySQLError
	if errors.As(err, &m) {
		return m.Number == erDuplicate
	}
	return errors.Is(err, sqlite3.CONSTRAINT_UNIQUE) || errors.Is(err, sqlite3.CONSTRAINT_PRIMARYKEY)
}

// Conflict reports whether the database rolled the transaction back because of another one.
func Conflict(err error) bool {
	if m, ok := errors.AsType[*mysql.MySQLError](err); ok {
		switch m.Number {
		case erLockWait, erDeadlock, erCheckread, erTiDBConflict, erTiDBRetry:
			return true
		}
		return false
	}
	return errors.Is(err, sqlite3.BUSY) || errors.Is(err, sqlite3.LOCKED)
}

// RefusedRow reports whether the server refused a row for what is in it.
func RefusedRow(err error) bool {
	m, ok := errors.AsType[*mysql.MySQLError](err)
	if !ok {
		return false
	}
	switch m.Number {
	case erNull, erOutOfRange, erWrongValue, erTooLong, erNoParent, erCheck, erCheckMySQL:
		return true
	}
	return false
}

// Retryable reports whether running the whole transaction again may succeed and cannot do its work twice.
func Retryable(err error) bool {
	if _, ok := errors.AsType[commitError](err); ok {
		return false
	}
	if errors.Is(err, ErrRetry) || Conflict(err) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, mysql.ErrInvalidConn) {
		return true
	}
	if m, ok := errors.AsType[*mysql.MySQLError](err); ok {
		return m.Number == erWsrepNotReady || m.Number == erTooManyConns || m.Number == erQueryInterrupt
	}
	return false
}

// Denied reports a statement for which the database's user has no right.
func Denied(err error) bool {
	m, ok := errors.AsType[*mysql.MySQLError](err)
	return ok && m.Number == erTableDenied
}

// NotFound reports gorm's missing row.
func NotFound(err error) bool { return errors.Is(err, gorm.ErrRecordNotFound) }
