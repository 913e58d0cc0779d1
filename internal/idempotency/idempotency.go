// Package idempotency makes a repeated request do its work once.
//
// It owns the table idempotency_keys, whose rows are kept for ever. A key is
// scoped to the user who sent it. The row is written in the transaction that
// does the work, so there is no moment at which one exists without the other.
//
//	out, replayed, err := idempotency.Do(tx, req, func() (Receipt, error) { … })
//
// Invariants: same key and same input replay the first answer; same key and
// another input are ErrConflict; a request that failed has left no key, so it
// may be sent again.
package idempotency

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"

	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
)

// ErrConflict is a key used before for something else.
var ErrConflict = errs.Define(errs.Conflict, "idempotency.conflict",
	"这个操作编号已用于另一笔内容不同的操作：请刷新页面后重新提交")

// Request identifies one request. A zero Key means that the caller does not ask for idempotency (jobs, imports with keys of their own).
type Request struct {
	Scope     id.ID    // the user
	Key       string   // as the client sent it
	Input     [32]byte // hash of what was asked
	Operation string   // for people who read the table
}

// Record is a Request with the answer to replay.
type Record struct {
	Request
	Response []byte
}

func (r Request) hash() [32]byte { return sha256.Sum256([]byte(r.Key)) }

type slot struct {
	scope id.ID
	hash  [32]byte
}

// Find looks all requests up in one query. stored has the answers to replay and conflicts the errors, by index in reqs;
// what is in neither is new. Within one call the first of equal keys is new and the later ones are left to the caller: see Twins.
func Find(tx db.Tx, reqs []Request) (stored map[int][]byte, conflicts map[int]error, err error) {
	var scopes []id.ID
	var hashes [][]byte
	want := map[slot][]int{}
	for i, r := range reqs {
		if r.Key == "" {
			continue
		}
		k := slot{r.Scope, r.hash()}
		if want[k] == nil {
			scopes = append(scopes, r.Scope)
			hashes = append(hashes, k.hash[:])
		}
		want[k] = append(want[k], i)
	}
	if len(want) == 0 {
		return nil, nil, nil
	}
	var rows []struct {
		Scope     id.ID
		KeyHash   []byte
		InputHash []byte
		Response  []byte
	}
	err = tx.Raw("SELECT scope, key_hash, input_hash, response FROM idempotency_keys WHERE scope IN ? AND key_hash IN ?", scopes, hashes).Scan(&rows).Error
	if err != nil {
		return nil, nil, fmt.Errorf("looking up idempotency keys: %w", err)
	}
	stored, conflicts = map[int][]byte{}, map[int]error{}
	for _, row := range rows {
		k := slot{scope: row.Scope}
		copy(k.hash[:], row.KeyHash)
		for _, i := range want[k] {
			if string(reqs[i].Input[:]) != string(row.InputHash) {
				conflicts[i] = ErrConflict.New()
			} else if stored[i], err = unpack(row.Response); err != nil {
				return nil, nil, err
			}
		}
	}
	return stored, conflicts, nil
}

// Answered is the stored answer to a request, whatever its input was: for somebody who still has the key, but no longer knows
// whether it was answered. Scope, Key and Operation say which.
func Answered(tx db.Tx, r Request) (response []byte, ok bool, err error) {
	h := r.hash()
	var rows []struct{ Response []byte }
	err = tx.Raw("SELECT response FROM idempotency_keys WHERE scope = ? AND key_hash = ? AND operation = ?", r.Scope, h[:], r.Operation).Scan(&rows).Error
	if err != nil {
		return nil, false, fmt.Errorf("looking up an answer: %w", err)
	}
	if len(rows) == 0 {
		return nil, false, nil
	}
	response, err = unpack(rows[0].Response)
	return response, err == nil, err
}

// packed is the size from which an answer is kept compressed: that of ten thousand awards is two megabytes, which hold the same words again
// and again.
const packed = 16 << 10

// magic begins what gzip has written; no JSON begins so.
const magic = "\x1f\x8b"

func pack(response []byte) []byte {
	if len(response) < packed {
		return response
	}
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, gzip.BestSpeed) // fails only for levels that do not exist
	if _, err := w.Write(response); err != nil || w.Close() != nil {
		return response // a buffer takes everything
	}
	return b.Bytes()
}

func unpack(response []byte) ([]byte, error) {
	if !bytes.HasPrefix(response, []byte(magic)) {
		return response, nil
	}
	r, err := gzip.NewReader(bytes.NewReader(response))
	if err != nil {
		return nil, fmt.Errorf("unpacking a stored answer: %w", err)
	}
	out, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("unpacking a stored answer: %w", err)
	}
	return out, nil
}

// Twins maps the index of each request that repeats the key of an earlier one in reqs to that earlier index; where the input
// differs it is in conflicts instead.
func Twins(reqs []Request) (twin map[int]int, conflicts map[int]error) {
	first := map[slot]int{}
	twin, conflicts = map[int]int{}, map[int]error{}
	for i, r := range reqs {
		if r.Key == "" {
			continue
		}
		k := slot{r.Scope, r.hash()}
		j, seen := first[k]
		switch {
		case !seen:
			first[k] = i
		case reqs[j].Input == r.Input:
			twin[i] = j
		default:
			conflicts[i] = ErrConflict.New()
		}
	}
	return twin, conflicts
}

// Save stores the answers. Where somebody else has stored a key since Find, it returns db.ErrRetry: run the transaction
// again and Find will see it.
func Save(tx db.Tx, recs []Record) error {
	keep := make([]Record, 0, len(recs))
	for _, r := range recs {
		if r.Key != "" {
			keep = append(keep, r)
		}
	}
	if len(keep) == 0 {
		return nil
	}
	cols := []string{"scope", "key_hash", "input_hash", "operation", "response", "at"}
	return db.Insert(tx.Later(), "idempotency_keys", cols, len(keep), func(i int, args []any) []any {
		r := keep[i]
		h := r.hash()
		return append(args, int64(r.Scope), h[:], r.Input[:], r.Operation, pack(r.Response), tx.Millis())
	})
}

// Do runs fn once for the request and stores its answer as JSON; replayed tells that the answer is an earlier one.
func Do[T any](tx db.Tx, r Request, fn func() (T, error)) (out T, replayed bool, err error) {
	stored, conflicts, err := Find(tx, []Request{r})
	if err != nil {
		return out, false, err
	}
	if c := conflicts[0]; c != nil {
		return out, false, c
	}
	if b, ok := stored[0]; ok {
		if err := json.Unmarshal(b, &out); err != nil {
			return out, false, fmt.Errorf("reading a stored answer: %w", err)
		}
		return out, true, nil
	}
	if out, err = fn(); err != nil {
		return out, false, err
	}
	b, err := json.Marshal(out)
	if err != nil {
		return out, false, fmt.Errorf("storing an answer: %w", err)
	}
	return out, false, Save(tx, []Record{{r, b}})
}
