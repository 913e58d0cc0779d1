// Package people owns regions, villages' settings, grids, households and
// villagers.
//
// Tables: regions, village_settings, grids, grid_households, households,
// villagers, household_changes, roster_imports.
//
//	houses, err := people.HouseholdsByID(tx, ids)
//	set, err := people.SettingsOf(tx, village)   // defaults where the village has decided nothing
//	list, err := s.Households(ctx, actor, people.Search{Village: village, Text: "wds"})
//	report, err := s.ImportRoster(ctx, actor, village, sheet, people.ImportOptions{Preview: true})
//
// Files: types and look-ups (types, find), the Service (service), its features
// (regions, grids, settings, households, villagers, search, binding), names and
// codes (pinyin, code), splitting and merging households
// (regroup, split, merge, changes), and the import of rosters in the order in which it
// works: roster → roster_read → roster_blocks → roster_plan → roster_apply →
// roster_write. All but the first and the last of these are pure. roster_job
// runs imports in the background.
//
// Invariants:
//   - a household code is unique and carries a check character (ParseHouseCode);
//   - a telephone number is stored encrypted and found by a keyed hash; an
//     identity number is stored as a keyed hash only; neither reaches a log;
//   - a household and its members belong to one village; while anybody lives in
//     it, its head does;
//   - nobody lives in a merged household, and its wallet is closed;
//   - nobody is on two rosters: an identity number is unique;
//   - a roster imported again changes nothing.
//
// Locks: wallets (of splits and merges), households in order of key, then their villagers; an import locks its
// village's region first and then all its households.
package people
