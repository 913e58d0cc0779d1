// Package party owns party branches, their members, what each class of members
// begins the year with and should reach, exemptions, the standing of a branch at
// the end of a quarter, and the quarter's evaluation with its grades.
//
// Tables: party_branches, party_classes, party_members, party_exemptions,
// party_standards, party_evaluations, party_reviews, party_results,
// party_objections. It reads the awards that decide a grade.
//
// Invariants
//   - A member is a villager of the branch's village, and of one branch only.
//   - The party score is assessment and never spendable: it lives in the
//     ledger's account ledger.Party(village, member) and in the scores of the
//     asset ledger.PartyScore; this package only reads it. Base points are not
//     posted but added when a standing is drawn up.
//   - Who is exempt in a quarter is in no ranking and in no average, and listed
//     apart. An exemption counts for a quarter when it covers the quarter's last
//     day or more than half of the quarter's days (several add up).
//   - An evaluation goes self-report → review → publicity → closed, and back by
//     one stage until it is closed (steps in evaluation.go is the whole machine).
//     Closing twice changes nothing.
//   - Publishing writes the result down. From then on the quarter is sealed for
//     its members: its standing is the published one whatever becomes of classes,
//     goals, standards, names; awards (vetoes among them) and exemptions about it are refused
//     (an exemption's end, and an award's reversal, take effect after it). Whoever
//     publishes locks the members, and so does whoever writes about them.
//   - What comes after the closing is an amendment, a row of its own that names
//     the closed quarter.
//   - Nobody is in the results of one quarter twice.
//   - Branches, members and exemptions are in the reach of the village's officers
//     and of the branch's own secretary; a member's self-report also in that of
//     the household's log-ins.
//
// Example: how a branch stands, and its quarter.
//
//	st, err := svc.Standing(ctx, actor, branch, 20264)
//	st.Ranked[0].Score   // base and awards of the scheme year up to December
//	st.Exempt            // with the reason for each
//	e, err := svc.Open(ctx, actor, branch, 20264)
//	e, err = svc.BeginReview(ctx, actor, e.ID)
//	e, err = svc.Publish(ctx, actor, e.ID)
//	e, err = svc.Close(ctx, actor, e.ID)
package party
