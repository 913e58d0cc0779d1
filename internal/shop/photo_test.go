package shop_test

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/png"
	"testing"

	"github.com/stretchr/testify/require"

	"jishan/internal/auth"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/files"
	"jishan/internal/id"
	"jishan/internal/points"
	"jishan/internal/shop"
)

// plain is a PNG of one colour.
func plain(t *testing.T, c color.Color) []byte {
	m := image.NewRGBA(image.Rect(0, 0, 400, 300))
	for y := range 300 {
		for x := range 400 {
			m.Set(x, y, c)
		}
	}
	var b bytes.Buffer
	require.NoError(t, png.Encode(&b, m))
	return b.Bytes()
}

func TestPhoto(t *testing.T) {
	w, ctx := newTown(t), context.Background()
	m, rival := w.merchant(t, "汇丰超市", w.village), w.merchant(t, "桥头小店", w.village)
	owner := shopkeeper(auth.RoleOwner, m.ID)
	in := shop.ProductInput{Merchant: m.ID, Name: "洗衣粉", Unit: "袋", Price: points.Whole(12), Stock: 5}
	p, err := w.s.CreateProduct(ctx, owner, request("new"), in)
	require.NoError(t, err)
	require.Empty(t, p.Photo)

	red, blue := plain(t, color.RGBA{200, 0, 0, 255}), plain(t, color.RGBA{0, 0, 200, 255})
	for _, actor := range []auth.Actor{shopkeeper(auth.RoleOwner, rival.ID), shopkeeper(auth.RoleClerk, m.ID), w.officer, w.villager} {
		_, err = w.s.SetPhoto(ctx, actor, p.ID, red)
		require.Error(t, err)
		_, err = w.s.RemovePhoto(ctx, actor, p.ID)
		require.Error(t, err)
	}
	_, err = w.s.SetPhoto(ctx, owner, p.ID, []byte("<svg/>"))
	require.ErrorIs(t, err, files.ErrKind)

	first, err := w.s.SetPhoto(ctx, owner, p.ID, red)
	require.NoError(t, err)
	require.Len(t, first.Photo, 32)
	again, err := w.s.SetPhoto(ctx, owner, p.ID, red)
	require.NoError(t, err)
	require.Equal(t, first.Photo, again.Photo)
	in.Price = points.Whole(13)
	kept, err := w.s.UpdateProduct(ctx, owner, p.ID, in)
	require.NoError(t, err)
	require.Equal(t, first.Photo, kept.Photo, "another price leaves the photo")

	large, err := w.s.Photo(ctx, p.ID, first.Photo, files.Large)
	require.NoError(t, err)
	small, err := w.s.Photo(ctx, p.ID, first.Photo, files.Small)
	require.NoError(t, err)
	shown, kind, err := image.Decode(bytes.NewReader(small))
	require.NoError(t, err)
	require.Equal(t, "jpeg", kind)
	require.Equal(t, image.Pt(240, 180), shown.Bounds().Size())
	require.Greater(t, len(large), len(small))

	second, err := w.s.SetPhoto(ctx, owner, p.ID, blue)
	require.NoError(t, err)
	require.NotEqual(t, first.Photo, second.Photo)
	_, err = w.s.Photo(ctx, p.ID, first.Photo, files.Large)
	require.ErrorIs(t, err, errs.ErrNotFound, "the former photo is gone")
	goods, err := w.s.Goods(ctx, w.villager, shop.GoodsQuery{Household: w.household})
	require.NoError(t, err)
	require.Equal(t, second.Photo, goods.Goods[0].Photo)

	p, err = w.s.RemovePhoto(ctx, owner, p.ID)
	require.NoError(t, err)
	require.Empty(t, p.Photo)
	_, err = w.s.Photo(ctx, p.ID, second.Photo, files.Large)
	require.ErrorIs(t, err, errs.ErrNotFound)
	var rows int64
	require.NoError(t, w.d.Read(ctx, func(tx db.Tx) error { return tx.Raw("SELECT COUNT(*) FROM pictures").Scan(&rows).Error }))
	require.Zero(t, rows, "no picture is left that nothing shows")
}

func TestMovesAreSeenByWhoeverSeesTheStock(t *testing.T) {
	w, ctx := newTown(t), context.Background()
	m := w.merchant(t, "汇丰超市", w.village, w.other)
	p, err := w.s.CreateProduct(ctx, shopkeeper(auth.RoleOwner, m.ID), request("new"), shop.ProductInput{Merchant: m.ID, Name: "洗衣粉", Unit: "袋", Price: points.Whole(12), Stock: 5})
	require.NoError(t, err)
	require.NoError(t, w.d.Tx(ctx, func(tx db.Tx) error {
		locked, err := shop.LockProducts(tx, []id.ID{p.ID})
		if err != nil {
			return err
		}
		return shop.ApplyStock(tx, locked, []shop.Move{{Product: p.ID, Delta: -1, Kind: shop.MoveSold, Village: w.village, Number: 7}})
	}))
	for _, actor := range []auth.Actor{w.officer, officer(auth.RoleVillage, w.village), shopkeeper(auth.RoleClerk, m.ID)} {
		moves, _, err := w.s.Moves(ctx, actor, p.ID, "", 0)
		require.NoError(t, err)
		require.Len(t, moves, 2)
		require.EqualValues(t, 7, sold(moves).Number)
	}
	moves, _, err := w.s.Moves(ctx, officer(auth.RoleVillage, w.other), p.ID, "", 0)
	require.NoError(t, err)
	require.Zero(t, sold(moves).Number, "another village's redemption is not named")
	require.Zero(t, sold(moves).Village)
	for _, actor := range []auth.Actor{w.neighbour, w.villager, shopkeeper(auth.RoleOwner, id.New())} {
		_, _, err = w.s.Moves(ctx, actor, p.ID, "", 0)
		require.Error(t, err)
	}
}

func sold(moves []shop.Move) shop.Move {
	for _, m := range moves {
		if m.Kind == shop.MoveSold {
			return m
		}
	}
	return shop.Move{Number: -1}
}
