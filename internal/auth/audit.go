package auth

import (
	"jishan/internal/audit"
	"jishan/internal/id"
)

// Audit is the actor's entry for the audit log. target is "kind:id"; summary is Chinese.
func (a Actor) Audit(action, target string, village id.ID, summary string) audit.Entry {
	return audit.Entry{ActorID: a.UserID, ActorName: a.Name, Action: action, Target: target, Village: village, Summary: summary,
		RequestID: a.RequestID, Address: a.Address}
}
