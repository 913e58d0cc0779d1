// Package board ranks households, persons, party members, branches and villages.
//
// It owns the table board_snapshots and the keys b:{<scope>}:… in Redis. It
// reads scores (the ledger's), regions, households, villagers and party members.
//
// A board is scope × subject × period: the households of a group in a month,
// the villages of a township since the beginning. The scores in the database
// are the truth; Redis holds sorted sets of absolute values that can be made
// again at any time:
//
//   - the relay takes the ledger's news from the outbox, reads the present scores of those concerned and writes them, so
//     that lost, repeated and reordered news all end in the same board;
//   - a marker in each scope says that its sets are complete; where it is missing (Redis was lost or flushed) the watchdog
//     fills the scope again, and reads are answered from the database meanwhile;
//   - village after village is compared and mended all the time, which also follows households that moved.
//
// One job does all the writing, under one lease (Tick). Redis holds the present and the previous month, quarter, year and
// scheme year and the sum of all; older periods come from snapshots taken when a period closed, or from the database.
//
//	s := board.New(d, r, board.Options{})
//	jobs.Job{Name: board.JobName, Every: board.Interval, Rest: board.Rest, Wake: s.Woken(), Run: s.Tick}
//	jobs.Job{Name: board.SnapshotJobName, Every: 10 * time.Minute, Run: s.TakeSnapshots}
//	page, err := s.Top(ctx, board.Query{Scope: village, Subject: board.Household, Period: cal.Period{Kind: cal.ByMonth, N: 202611}})
//
// What is ranked: a household, person or member by its score; who moved away is on no board, and who has no score in the
// period is not either (a score of zero counts as one). A village is ranked by its score per household living there, a
// branch by its score per member who is not exempt on the day; both in hundredths, half rounded away from zero.
//
// Invariants: equal scores share a rank (1, 2, 2, 4) and stand in descending order of key; every score is exact; a board in
// Redis whose scope has its marker equals the scores but for the news still in the outbox; a lost Redis never fails a read.
package board
