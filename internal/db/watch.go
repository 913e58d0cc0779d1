package db

import (
	"context"
	"database/sql"

	"gorm.io/gorm"
)

// watched is a pool that tells of every statement before it runs, whoever sends it: gorm, Query or Insert.
type watched struct {
	gorm.ConnPool
	tell func(query string, args []any)
}

// watchedTx is a transaction of a watched pool.
type watchedTx struct {
	watched
	tx *sql.Tx
}

// watch is the pool itself where nobody wants to know.
func watch(pool *sql.DB, tell func(query string, args []any)) gorm.ConnPool {
	if tell == nil {
		return pool
	}
	return watched{pool, tell}
}

// BeginTx implements gorm.ConnPoolBeginner.
func (w watched) BeginTx(ctx context.Context, opts *sql.TxOptions) (gorm.ConnPool, error) {
	tx, err := w.ConnPool.(*sql.DB).BeginTx(ctx, opts)
	if err != nil {
		return nil, err
	}
	return &watchedTx{watched{tx, w.tell}, tx}, nil // gorm asks a pointer whether it is nil
}

// ExecContext implements gorm.ConnPool.
func (w watched) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	w.tell(query, args)
	return w.ConnPool.ExecContext(ctx, query, args...)
}

// QueryContext implements gorm.ConnPool.
func (w watched) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	w.tell(query, args)
	return w.ConnPool.QueryContext(ctx, query, args...)
}

// QueryRowContext implements gorm.ConnPool.
func (w watched) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	w.tell(query, args)
	return w.ConnPool.QueryRowContext(ctx, query, args...)
}

// Commit implements gorm.TxCommitter.
func (w *watchedTx) Commit() error { return w.tx.Commit() }

// Rollback implements gorm.TxCommitter.
func (w *watchedTx) Rollback() error { return w.tx.Rollback() }
