// Package files keeps the pictures people send: at most one for a thing, in two
// sizes, in the database, so that every API process and every backup has them.
//
// It owns pictures. It knows nothing of what is shown: a picture belongs to the
// id of its thing, and whoever owns the thing decides who may set and see it.
//
//	p, err := files.Read(upload)             // outside a transaction: decoding takes up to seconds
//	err = files.Put(tx, product.ID, p)       // p.Hash names the content
//	jpeg, err := files.Get(tx, product.ID, p.Hash, files.Small)
//
// Invariants: what is kept was encoded here, so it holds no place, no time, no
// maker's name and nothing that is no picture; a hash names one content for
// ever, so whoever has it may keep it; what would need more than maxPixels is
// refused before a pixel is decoded.
package files
