// Package party owns party branches, their members, what each class of members
// begins the year with and should reach, exemptions, and the standing of a
// branch at the end of a quarter.
//
// Tables: party_branches, party_classes, party_members, party_exemptions.
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
//   - Branches, members and exemptions are in the reach of the village's officers
//     and of the branch's own secretary.
//
// Example: how a branch stands.
//
//	st, err := svc.Standing(ctx, actor, branch, 20264)
//	st.Ranked[0].Score   // base and awards of the scheme year up to December
//	st.Exempt            // with the reason for each
package party
