package history

import "fmt"

// matches reports whether the read saw exactly the state after steps[at].
func (r *Read) matches(tr *track, at int) bool {
	if !r.Statement {
		return tr.steps[at].value == r.Value
	}
	n := min(at, r.Limit) // steps[0] is no line
	if len(r.Lines) != n {
		return false
	}
	for i, l := range r.Lines {
		if s := tr.steps[at-i]; l != (Line{s.number, s.amount, s.value}) {
			return false
		}
	}
	return true
}

func (r *Read) text() string {
	switch {
	case !r.Statement:
		return fmt.Sprint(r.Value)
	case len(r.Lines) == 0:
		return "an empty statement"
	}
	l := r.Lines[0]
	return fmt.Sprintf("a statement of %d lines from number %d (%+d, then %d)", len(r.Lines), l.Number, l.Amount, l.Balance)
}
