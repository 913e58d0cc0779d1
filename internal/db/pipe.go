package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"sync"
	"time"
)

// pipeBytes is how much waiting text is sent before more is gathered; well below the 16 MiB that a server takes in one packet, and little
// enough that of a large order the server writes one part while we put the next together. aheadParts is how many of these parts may be
// under way: we are faster than the server, and what comes behind the last is not written but decided and packed.
const (
	pipeBytes  = 256 << 10
	aheadParts = 6
)

// pipe is the connection of a transaction on MySQL. What is written with Tx.Later waits and is sent together with the next thing whose
// answer somebody needs: a query, a statement, or the commit. So is the beginning. A transaction of a dozen statements takes a
// handful of round trips, and while these wait, the processors stand idle. It implements gorm.ConnPool.
//
// On Galera nothing waits (alone). A node that gives a local transaction up for one that comes from another node rolls it back, and tells
// so with the answer to the statement that runs, or to the next command. Between two statements of one command it tells nobody: the
// second would run on, outside of any transaction, and the commit behind it would say that all is well.
type pipe struct {
	conn   *sql.Conn
	text   []byte                         // what waits, its values spelled out: see spell
	asked  []func(Row) error              // who takes the rows of the queries among what waits, in order
	begun  bool                           // the server has been told to begin
	writes bool                           // rows are among what waits
	tell   func(query string, args []any) // of every statement that is added; may be nil
	broken error                          // a statement that had waited has failed, or the server has rolled back: nothing more is done
	alone  bool                           // every statement is sent by itself, but for the beginning
	ahead  []*sent                        // what was sent ahead and perhaps is under way, in order
}

// sent is a part that was sent ahead.
type sent struct {
	done chan struct{} // closed when it has been answered
	err  error
}

// beginPipe takes a connection; begin is sent with the first statement.
func beginPipe(ctx context.Context, pool *sql.DB, begin string) (*pipe, error) {
	conn, err := pool.Conn(ctx)
	if err != nil {
		return nil, err
	}
	return &pipe{conn: conn, text: append((*texts.Get().(*[]byte))[:0], begin...)}, nil
}

// texts are the buffers of pipes that are over: that of a batch of awards has grown to some 100 KiB, by doubling.
var texts = sync.Pool{New: func() any { b := make([]byte, 0, 4<<10); return &b }}

// end gives the connection and the buffer back.
func (p *pipe) end() error {
	if b := p.text; b != nil && cap(b) <= 2*pipeBytes {
		texts.Put(&b)
	}
	p.text = nil
	return p.conn.Close()
}

// later puts a statement behind those that wait.
func (p *pipe) later(ctx context.Context, query string, args []any) error {
	if p.broken != nil {
		return p.broken
	}
	if err := p.add(query, args); err != nil {
		return err
	}
	return p.wrote(ctx)
}

// laterRows puts an INSERT of rows of width values behind those that wait.
func (p *pipe) laterRows(ctx context.Context, head, suffix string, width int, values []any) error {
	if p.broken != nil {
		return p.broken
	}
	if p.tell != nil {
		p.tell(marked(head, suffix, width, len(values)/width), values)
	}
	p.part()
	p.text = append(p.text, head...)
	var err error
	if p.text, err = spellRows(p.text, width, values); err != nil {
		p.broken = err
		return err
	}
	p.text = append(p.text, suffix...)
	return p.wrote(ctx)
}

func (p *pipe) wrote(ctx context.Context) error {
	p.writes = true
	if len(p.text) < pipeBytes {
		return nil
	}
	return p.sendAhead(ctx)
}

// sendAhead sends what waits without waiting for the answer. Until settle nobody else may use the connection.
func (p *pipe) sendAhead(ctx context.Context) error {
	if len(p.asked) > 0 {
		return p.flush(ctx)
	}
	var before *sent
	if n := len(p.ahead); n > 0 {
		before = p.ahead[n-1]
	}
	if len(p.ahead) == aheadParts {
		if err := p.ended(p.ahead[0]); err != nil {
			return err
		}
		p.ahead = p.ahead[1:]
	}
	query, part := p.take(), &sent{done: make(chan struct{})}
	p.ahead = append(p.ahead, part)
	go func() {
		defer close(part.done)
		if before != nil {
			<-before.done
			if part.err = before.err; part.err != nil {
				return
			}
		}
		_, part.err = p.conn.ExecContext(ctx, query)
	}()
	return nil
}

// settle waits for what was sent ahead.
func (p *pipe) settle() error {
	if n := len(p.ahead); n > 0 {
		_ = p.ended(p.ahead[n-1])
		p.ahead = nil
	}
	return p.broken
}

// ended waits for a part, and with it for all before it.
func (p *pipe) ended(part *sent) error {
	<-part.done
	if part.err != nil && p.broken == nil {
		p.broken = laterError(part.err)
	}
	return p.broken
}

// add puts a statement behind those that wait. A value that cannot be spelled leaves half of it there: nothing more is done.
func (p *pipe) add(query string, args []any) error {
	if p.tell != nil {
		p.tell(query, args)
	}
	p.part()
	var err error
	if p.text, err = spell(p.text, query, args); err != nil {
		p.broken = err
	}
	return err
}

// part ends the statement before.
func (p *pipe) part() {
	if len(p.text) > 0 {
		p.text = append(p.text, ';')
	}
}

// take empties the pipe.
func (p *pipe) take() (query string) {
	query = string(p.text)
	p.text = p.text[:0]
	p.asked, p.begun, p.writes = nil, true, false
	return query
}

// flush sends what waits and takes the rows of what was asked.
func (p *pipe) flush(ctx context.Context) error {
	switch {
	case p.settle() != nil || len(p.text) == 0:
	case len(p.asked) > 0:
		return p.answer(ctx)
	default:
		_, err := p.conn.ExecContext(ctx, p.take())
		p.broken = laterError(err)
	}
	return p.broken
}

// ask puts a query behind what waits; each gets its rows with the next answer.
func (p *pipe) ask(each func(Row) error, query string, args []any) error {
	if p.broken != nil {
		return p.broken
	}
	p.asked = append(p.asked, each)
	return p.add(query, args)
}

// answer sends what waits and hands every query's rows to who asked.
func (p *pipe) answer(ctx context.Context) error {
	if err := p.settle(); err != nil {
		return err
	}
	waited, asked := p.writes, p.asked
	rows, err := p.conn.QueryContext(ctx, p.take()) // the driver passes over the answers of what was written
	if err == nil {
		defer rows.Close()
		err = handOut(rows, asked)
	}
	if err != nil && waited {
		p.broken = laterError(err)
		return p.broken
	}
	p.given(err)
	return err
}

func handOut(rows *sql.Rows, asked []func(Row) error) error {
	for i, each := range asked {
		if i > 0 && !rows.NextResultSet() {
			if err := rows.Err(); err != nil {
				return err
			}
			return errors.New("db: fewer answers than queries")
		}
		for rows.Next() {
			if err := each(rows); err != nil {
				return fmt.Errorf("reading a row: %w", err)
			}
		}
		if err := rows.Err(); err != nil {
			return err
		}
	}
	rows.NextResultSet() // what was written behind the last query
	return rows.Err()
}

// laterError makes a key that is there already ask for another attempt: whoever wrote with Later did so because only somebody else,
// at the same moment, can have made it.
func laterError(err error) error {
	if Duplicate(err) {
		return errors.Join(ErrRetry, err)
	}
	return err
}

// ExecContext implements gorm.ConnPool.
func (p *pipe) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if p.writes || len(p.asked) > 0 || p.settle() != nil { // alone, or it would not be known which of them has failed
		if err := p.flush(ctx); err != nil {
			return nil, err
		}
	}
	if err := p.add(query, args); err != nil {
		return nil, err
	}
	res, err := p.conn.ExecContext(ctx, p.take())
	p.given(err)
	return res, err
}

// given notes that the server has given the transaction up: what is sent to it after that would be outside of any.
func (p *pipe) given(err error) {
	if Conflict(err) {
		p.broken = err
	}
}

// QueryContext implements gorm.ConnPool.
func (p *pipe) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if len(p.asked) > 0 || p.settle() != nil {
		if err := p.flush(ctx); err != nil {
			return nil, err
		}
	}
	waited := p.writes
	if err := p.add(query, args); err != nil {
		return nil, err
	}
	rows, err := p.conn.QueryContext(ctx, p.take())
	if err != nil && waited {
		p.broken = laterError(err)
		return nil, p.broken
	}
	p.given(err)
	return rows, err
}

// QueryRowContext implements gorm.ConnPool.
func (p *pipe) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if p.writes || len(p.asked) > 0 || p.settle() != nil { // the row hides its error until it is read
		_ = p.flush(ctx)
	}
	if err := p.add(query, args); err != nil { // or an answer without rows would look as if nothing were there
		cancelled, cancel := context.WithCancelCause(ctx)
		cancel(err)
		ctx = cancelled
	}
	return p.conn.QueryRowContext(ctx, p.take())
}

// PrepareContext implements gorm.ConnPool.
func (p *pipe) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	if err := p.flush(ctx); err != nil {
		return nil, err
	}
	return p.conn.PrepareContext(ctx, query)
}

// commit sends what waits and the commit in one piece, and gives the connection back.
func (p *pipe) commit(ctx context.Context) error {
	if len(p.asked) > 0 {
		if err := p.flush(ctx); err != nil {
			p.rollback()
			return err
		}
	}
	if err := p.settle(); err != nil {
		p.rollback()
		return err
	}
	if !p.begun && !p.writes { // nothing was asked
		return p.end()
	}
	if err := p.add("COMMIT", nil); err != nil {
		p.rollback()
		return err
	}
	_, err := p.conn.ExecContext(ctx, p.take())
	if err == nil {
		return p.end()
	}
	p.rollback()
	return committing(laterError(err))
}

// rollback undoes what was sent and gives the connection back; one that does not answer is thrown away, which ends its transaction too.
func (p *pipe) rollback() {
	defer p.end()
	_ = p.settle()
	if !p.begun {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if _, err := p.conn.ExecContext(ctx, "ROLLBACK"); err != nil {
		_ = p.conn.Raw(func(any) error { return driver.ErrBadConn })
	}
}
