// Package public is what anyone may see of a village without logging in.
//
// It owns no tables and writes nothing. It decides what is shown: the boards of
// households and persons, the day seals, and any transaction by its number, of
// villages that have decided to publish; every other village is as if it did not
// exist.
//
//	v, err := s.Village(ctx, "439900100201")
//	r, err := s.Transaction(ctx, v, 1234)   // 第 1234 号, with its proof
//	r.Household                             // 张*国
//
// Invariants: a name leaves this package masked, whatever the village wants of
// its own boards; reasons, house codes, telephone numbers and the keys of
// households, persons and users do not leave it; of party scores it tells that
// there is a transaction, and neither whose nor how much.
package public
