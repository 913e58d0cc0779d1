// Package people owns regions, villages' settings, grids, households and
// villagers.
//
// Tables: regions, village_settings, grids, grid_households, households,
// villagers.
//
//	houses, err := people.HouseholdsByID(tx, ids)
//	set, err := people.SettingsOf(tx, village)   // defaults where the village has decided nothing
//
// Invariants:
//   - a household code is unique and carries a check character (ParseHouseCode);
//   - a telephone number is stored encrypted and found by a keyed hash; an
//     identity number is stored as a keyed hash only; neither reaches a log;
//   - a household and its members belong to one village.
package people
