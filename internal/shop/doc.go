// Package shop is the cooperating merchants: which villages they serve at what
// rate, what they offer for points, and how much of it is in stock.
//
// It owns merchants, merchant_villages, products and stock_moves. It knows
// nothing of redemptions: package redeem takes products through LockProducts
// and writes what was sold through ApplyStock, in its own transaction.
//
//	m, err := s.CreateMerchant(ctx, officer, shop.MerchantInput{Name: "汇丰超市", Region: county, FreeAmount: true})
//	err = s.SetContract(ctx, officer, shop.Contract{Merchant: m.ID, Village: v, Rate: money.Rate{Points: points.Whole(1), Fen: 10}})
//	p, err := s.CreateProduct(ctx, owner, req, shop.ProductInput{Merchant: m.ID, Name: "洗衣粉", Unit: "袋", Price: points.Whole(12), Stock: 40})
//	page, err := s.Goods(ctx, villager, shop.GoodsQuery{Household: h, Search: "xyf"})
//
// Invariants: stock is never below zero; stock equals the sum of the product's
// moves, which are only ever appended (VerifyStock); only the merchant's own
// people change its goods, only officers change merchants and contracts; a
// product's photo is the picture that package files keeps under its id.
package shop
