// Package trial tries a version of a rule book before a meeting adopts it: what
// it would have given for a past period's real awards, and the most that a
// household could earn by it. It owns no tables and writes nothing.
//
//	report, err := s.DryRun(ctx, officer, trial.Period{Version: v, Village: village, From: 202601, To: 202612})
//	report.After - report.Before // points more or less, in all
//
//	f, err := s.Forecast(ctx, officer, v, village, 3)
//	f.Warnings // 一户一个月最多可得 6880 分，够换 57 瓶“食用油”……
//
// Invariants
//   - A dry run replays awards by rule.Evaluate, in the order of their days, each
//     with the history that the version itself has given before it.
//   - What a version asks for and the past did not record (a level, a quantity)
//     is never made up: such an award keeps its points and is counted apart.
package trial
