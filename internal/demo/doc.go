// Package demo makes up a township: a county, seven villages, two thousand
// households, three shops, and a year of what they did, ending today.
//
// It owns no tables: everything goes through the services that would do it in
// earnest, with a clock that is moved through the year, so the ledger, the
// boards and `jishan verify` have nothing to be told apart by. Names, choices
// and amounts follow from a fixed seed; keys, codes and seals do not.
//
//	state, err := demo.Prepare(dir)            // fresh, complete, or begun and broken off: then cleared
//	guide, err := demo.Fill(ctx, world, clock, progress)
//	err = demo.Finish(dir, guide)              // from now on the folder is complete
//
// Invariant: a folder is complete only if it has the marker that Finish writes
// last; a folder that has data and no marker at all is somebody's own and is
// left alone.
package demo
