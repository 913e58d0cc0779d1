package proof

import (
	"encoding/json"
	"fmt"
	"net/http"

	"jishan/internal/api"
	"jishan/internal/history"
)

// look sends a reading request and decodes a good answer; anything else is no answer.
func look[T any](w *workload, via *apiProcess, path, token string) (out T, a answer, ok bool) {
	a, ok = w.send(via, http.MethodGet, path, token, "", nil)
	if !ok || a.status != http.StatusOK {
		return out, a, false
	}
	if err := json.Unmarshal(a.body, &out); err != nil {
		w.strange("%s: %v: %s", path, err, a.body)
		return out, a, false
	}
	return out, a, true
}

func (w *workload) note(r history.Read, via *apiProcess, a answer) {
	r.Via, r.Begin, r.End = via.name, a.begin, a.end
	w.mu.Lock()
	defer w.mu.Unlock()
	w.h.Reads = append(w.h.Reads, r)
}

func (w *workload) balance(via *apiProcess, v village, h house) bool {
	out, a, ok := look[api.Balance](w, via, "/my/households/"+h.id.String()+"/balance", h.token)
	if ok {
		w.note(history.Read{Book: v.id.String(), Wallet: h.id.String(), Value: int64(out.Balance)}, via, a)
	}
	return ok
}

const statementLines = 10

func (w *workload) statement(via *apiProcess, v village, h house) bool {
	out, a, ok := look[api.Page[api.StatementLine]](w, via, fmt.Sprintf("/my/households/%s/statement?limit=%d", h.id, statementLines), h.token)
	if !ok {
		return false
	}
	r := history.Read{Book: v.id.String(), Wallet: h.id.String(), Statement: true, Limit: statementLines}
	for _, l := range out.Items {
		r.Lines = append(r.Lines, history.Line{Number: l.Number, Amount: int64(l.Amount), Balance: int64(l.Balance)})
	}
	w.note(r, via, a)
	return true
}

// stock reads the merchant's products, of all villages at once.
func (w *workload) stock(via *apiProcess, villages []village) bool {
	out, a, ok := look[api.Page[api.Product]](w, via, "/merchants/"+w.p.merchant.String()+"/products", w.p.clerk)
	if !ok {
		return false
	}
	for _, p := range out.Items {
		for _, v := range villages {
			if v.product == p.ID {
				w.note(history.Read{Book: v.id.String(), Product: p.ID.String(), Value: p.Stock}, via, a)
			}
		}
	}
	return true
}
