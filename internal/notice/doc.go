// Package notice is the short messages a household finds in its inbox.
//
// It owns the table notices. A message is written in the transaction that does
// what it tells about, so there is no redemption for somebody else that the
// household does not hear of.
//
//	err := notice.Send(tx, []notice.Notice{{Village: v, Household: h, Kind: notice.KindProxy, Title: "有人为您代办了兑换", Body: "…"}})
//	page, err := s.List(ctx, actor, household, "", 20)
//
// Invariants: only the people of a household read its messages; a message is
// never changed but for the time it was first read.
package notice
