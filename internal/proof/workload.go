package proof

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"

	"jishan/internal/api"
	"jishan/internal/history"
	"jishan/internal/id"
	"jishan/internal/points"
)

// workload is what clients do, and what they write down of it.
type workload struct {
	p     *place
	apis  []*apiProcess
	begin time.Time
	seed  uint64

	mu       sync.Mutex
	h        history.History
	undoable []*history.Op    // answered grants, deductions and redemptions, to be undone, some of them twice
	shown    map[id.ID]string // the code that the household showed last
	odd      []string         // answers that no client understands
}

func (w *workload) now() time.Duration { return time.Since(w.begin) }

// worker is one client with its own chance.
type worker struct {
	*workload
	rng *rand.Rand
	n   int
	id  int
}

func (w *workload) worker(i int) *worker {
	return &worker{workload: w, rng: rand.New(rand.NewPCG(w.seed, uint64(i))), id: i}
}

// answer is what came back: nothing when nobody knows.
type answer struct {
	status int
	body   []byte
	begin  time.Duration
	end    time.Duration
}

func (w *workload) send(via *apiProcess, method, path, token, key string, body any) (answer, bool) {
	var content io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			w.strange("marshalling %v: %v", body, err)
			return answer{}, false
		}
		content = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(context.Background(), method, via.url()+api.Prefix+path, content)
	if err != nil {
		w.strange("%s %s: %v", method, path, err)
		return answer{}, false
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if key != "" {
		// The client's own library must not send it a second time by itself: we say so in the history.
		req.Header.Set("Idempotency-Key", key)
		req.GetBody = nil
	}
	a := answer{begin: w.now()}
	r, err := via.http.Do(req)
	if err == nil {
		a.status = r.StatusCode
		a.body, err = io.ReadAll(r.Body)
		_ = r.Body.Close()
	}
	a.end = w.now()
	return a, err == nil
}

func (w *workload) strange(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.odd) < 20 {
		w.odd = append(w.odd, fmt.Sprintf(format, args...))
	}
}

// written is a request that changes something.
type written struct {
	op    *history.Op
	token string
	path  string
	body  any
}

// call sends it once and judges the answer. Only an answer that says why it will not be done is a refusal.
func (w *worker) call(via *apiProcess, q written) history.Call {
	a, ok := w.send(via, http.MethodPost, q.path, q.token, q.op.ID, q.body)
	c := history.Call{Via: via.name, Begin: a.begin, End: a.end}
	switch {
	case !ok || a.status >= 500 || a.status == http.StatusTooManyRequests || a.status == http.StatusRequestTimeout:
	case a.status == http.StatusOK:
		n, balance, err := told(q.op.Kind, a.body)
		if err != nil {
			w.strange("%s: %v: %s", q.path, err, a.body)
		}
		c.Outcome, c.Number, c.Balance = history.Answered, n, balance
	default:
		var p api.Problem
		if err := json.Unmarshal(a.body, &p); err != nil || p.Code == "" {
			w.strange("%s: %d %s", q.path, a.status, a.body)
			return c
		}
		c.Outcome, c.Code = history.Refused, p.Code
	}
	return c
}

// told is the number and the balance in an answer to a write.
func told(kind history.Kind, body []byte) (number, balance int64, err error) {
	var out struct {
		Items        []api.AwardOutcome `json:"items"`
		Number       int64              `json:"number"`
		RefundNumber int64              `json:"refund_number"`
		Balance      points.Amount      `json:"balance"`
	}
	if err := json.Unmarshal(body, &out); err != nil {
		return 0, 0, err
	}
	if len(out.Items) == 1 {
		out.Number, out.Balance = out.Items[0].Number, out.Items[0].Balance
	}
	if kind == history.Refund {
		out.Number = out.RefundNumber
	}
	if out.Number == 0 {
		return 0, 0, fmt.Errorf("no number in the answer")
	}
	return out.Number, int64(out.Balance), nil
}

func (w *worker) any() *apiProcess { return w.apis[w.rng.IntN(len(w.apis))] }

// perform sends the request until it is answered: as a rule. Some clients give up at once when nothing comes back, some send the
// same twice at the same time, and some ask again although they have been answered.
func (w *worker) perform(q written) {
	habit := w.rng.IntN(20)
	calls := make([]history.Call, 1, 2)
	if habit < 2 { // impatient: twice at once
		var other history.Call
		var both sync.WaitGroup
		first, second := w.any(), w.any()
		both.Go(func() { other = w.call(second, q) })
		calls[0] = w.call(first, q)
		both.Wait()
		calls = append(calls, other)
	} else {
		calls[0] = w.call(w.any(), q)
	}
	gives := habit >= 14 // gives up
	for tries := 0; !gives && tries < 6 && !settled(calls); tries++ {
		time.Sleep(time.Duration(20+w.rng.IntN(300)) * time.Millisecond)
		calls = append(calls, w.call(w.any(), q))
	}
	if habit == 2 && settled(calls) { // forgetful
		calls = append(calls, w.call(w.any(), q))
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	q.op.Calls = calls
	w.h.Ops = append(w.h.Ops, q.op)
	if q.op.Target == 0 && answered(calls) != 0 {
		w.undoable = append(w.undoable, q.op)
	}
}

// answered is the number that a call was answered with; 0 where none was.
func answered(calls []history.Call) int64 {
	for _, c := range calls {
		if c.Outcome == history.Answered {
			return c.Number
		}
	}
	return 0
}

// settled says whether the last word on the operation has been spoken.
func settled(calls []history.Call) bool {
	return answered(calls) != 0 || calls[len(calls)-1].Outcome == history.Refused
}

// once does one thing at random.
func (w *worker) once() {
	v := w.p.villages[w.rng.IntN(len(w.p.villages))]
	h := v.houses[w.rng.IntN(len(v.houses))]
	switch x := w.rng.IntN(100); {
	case x < 24:
		w.grant(v, h)
	case x < 34:
		w.deduct(v, h)
	case x < 50:
		w.redeem(v, h, true)
	case x < 58:
		w.redeem(v, h, false)
	case x < 72:
		w.undo()
	case x < 84:
		w.balance(w.any(), v, h)
	case x < 94:
		w.statement(w.any(), v, h)
	default:
		w.stock(w.any(), w.p.villages)
	}
}

func (w *worker) op(kind history.Kind, v village, h house) *history.Op {
	w.n++
	return &history.Op{ID: fmt.Sprintf("proof-%d-%d-%d", w.seed%100000, w.id, w.n), Kind: kind, Book: v.id.String(), Wallet: h.id.String()}
}

func (w *worker) grant(v village, h house) {
	o := w.op(history.Grant, v, h)
	given := points.Whole(int64(1 + w.rng.IntN(12)))
	o.Amount = int64(given)
	w.award(o, map[string]any{"rule": w.p.help, "household": h.id, "points": given, "note": "#" + o.ID + "#"})
}

func (w *worker) deduct(v village, h house) {
	o := w.op(history.Deduct, v, h)
	taken := points.Whole(int64(1 + w.rng.IntN(8)))
	o.Amount = int64(taken)
	w.award(o, map[string]any{"rule": w.p.litter, "household": h.id, "points": -taken, "note": "#" + o.ID + "#"})
}

func (w *worker) award(o *history.Op, grant map[string]any) {
	w.perform(written{op: o, token: w.p.officer, path: "/villages/" + o.Book + "/awards", body: map[string]any{"grants": []any{grant}}})
}

// redeem buys one or two pieces with a dynamic code, or through an officer.
func (w *worker) redeem(v village, h house, byCode bool) {
	o := w.op(history.Redeem, v, h)
	o.Product, o.Pieces = v.product.String(), int64(1+w.rng.IntN(2))
	o.Amount = o.Pieces * int64(v.price)
	lines := []any{map[string]any{"product": v.product, "quantity": o.Pieces}}
	if !byCode {
		w.perform(written{op: o, token: w.p.officer, path: "/villages/" + o.Book + "/redemptions",
			body: map[string]any{"merchant": w.p.merchant, "household": h.id, "lines": lines, "reason": "#" + o.ID + "#"}})
		return
	}
	if o.OneTime = w.code(h); o.OneTime != "" {
		w.perform(written{op: o, token: w.p.clerk, path: "/counter/redemptions", body: map[string]any{"text": o.OneTime, "lines": lines}})
	}
}

// code is a fresh code of the household's screen; now and then it is shown twice, and one of the two must be refused.
func (w *worker) code(h house) string {
	w.mu.Lock()
	old := w.shown[h.id]
	w.mu.Unlock()
	if old != "" && w.rng.IntN(10) == 0 {
		return old
	}
	a, ok := w.send(w.any(), http.MethodGet, "/my/households/"+h.id.String()+"/code", h.token, "", nil)
	var out api.Code
	if !ok || a.status != http.StatusOK || json.Unmarshal(a.body, &out) != nil {
		return ""
	}
	w.mu.Lock()
	w.shown[h.id] = out.Text
	w.mu.Unlock()
	return out.Text
}

// undo takes something back that was done; what is taken back stays in the list now and then, to be taken back by two.
func (w *worker) undo() {
	w.mu.Lock()
	if len(w.undoable) == 0 {
		w.mu.Unlock()
		return
	}
	i := w.rng.IntN(len(w.undoable))
	orig := w.undoable[i]
	if w.rng.IntN(4) > 0 {
		w.undoable[i] = w.undoable[len(w.undoable)-1]
		w.undoable = w.undoable[:len(w.undoable)-1]
	}
	w.mu.Unlock()
	number := answered(orig.Calls)
	w.n++
	o := &history.Op{ID: fmt.Sprintf("proof-%d-%d-%d", w.seed%100000, w.id, w.n), Kind: history.Reverse, Book: orig.Book, Wallet: orig.Wallet, Target: number}
	path, token := "/villages/"+o.Book+"/awards/"+strconv.FormatInt(number, 10)+"/reverse", w.p.officer
	if orig.Kind == history.Redeem {
		o.Kind, path, token = history.Refund, "/redemptions/"+o.Book+"/"+strconv.FormatInt(number, 10)+"/refund", w.p.officer
	}
	w.perform(written{op: o, token: token, path: path, body: map[string]any{"reason": "#" + o.ID + "#"}})
}
