package api_test

import (
	"bytes"
	"image"
	"image/jpeg"
	"image/png"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"jishan/internal/api"
)

// photos has a shopkeeper show a product, everybody look at it, and the next photo take its place.
func photos(t *testing.T, w *township) {
	owner, officer, clerk := w.login("owner"), w.login("village"), w.clerk()
	shop := "/merchants/" + ask[api.Me](owner, "GET", "/auth/me", nil).Roles[0].Merchant.String()
	p := ask[api.Product](owner, "POST", shop+"/products", map[string]any{"name": "照片里的桶", "unit": "个", "price": 30, "stock": 10, "low_stock": 9})
	require.Empty(t, p.Photo+p.Thumb)
	path := "/products/" + p.ID.String()

	var sent bytes.Buffer
	require.NoError(t, png.Encode(&sent, image.NewGray(image.Rect(0, 0, 1200, 600))))
	require.Equal(t, "auth.forbidden", clerk.code("POST", path+"/photo", sent.Bytes()))
	require.Equal(t, "auth.forbidden", officer.code("POST", path+"/photo", sent.Bytes()))
	require.Equal(t, "picture.kind", owner.code("POST", path+"/photo", []byte("<svg/>")))
	require.Equal(t, "request.too_large", owner.code("POST", path+"/photo", make([]byte, 11<<20)))
	first := ask[api.Product](owner, "POST", path+"/photo", sent.Bytes())

	stranger := caller{w: w}
	show := func(address string, headers ...string) answer {
		return stranger.send("GET", strings.TrimPrefix(address, api.Prefix), nil, headers...)
	}
	for address, width := range map[string]int{first.Photo: 960, first.Thumb: 240} {
		a := show(address)
		require.Equal(t, 200, a.status)
		require.Equal(t, "image/jpeg", a.header.Get("Content-Type"))
		require.Equal(t, "nosniff", a.header.Get("X-Content-Type-Options"))
		require.Equal(t, "public, max-age=31536000, immutable", a.header.Get("Cache-Control"))
		m, err := jpeg.Decode(bytes.NewReader(a.body))
		require.NoError(t, err)
		require.Equal(t, width, m.Bounds().Dx())
		kept := show(address, "If-None-Match", a.header.Get("ETag"))
		require.Equal(t, 304, kept.status)
		require.Empty(t, kept.body)
	}
	require.NotEqual(t, show(first.Photo).header.Get("ETag"), show(first.Thumb).header.Get("ETag"))
	require.Equal(t, 404, show(strings.Replace(first.Photo, p.ID.String(), w.guide.Try.Product.String(), 1)).status, "another product's address")

	sent.Reset()
	require.NoError(t, png.Encode(&sent, image.NewGray(image.Rect(0, 0, 100, 100))))
	second := ask[api.Product](owner, "POST", path+"/photo", sent.Bytes())
	require.Equal(t, 404, show(first.Photo).status)
	require.Equal(t, 200, show(second.Photo).status)
	seen := false
	for _, g := range ask[api.Page[api.Product]](officer, "GET", "/villages/"+w.guide.Pilot.String()+"/goods?q=zpldt", nil).Items {
		seen = seen || g.ID == p.ID && g.Thumb == second.Thumb
	}
	require.True(t, seen, "the officers' list shows it")

	require.Equal(t, "input.invalid", owner.code("POST", path+"/stock", map[string]any{"kind": "out", "quantity": 2}))
	out := ask[api.Product](owner, "POST", path+"/stock", map[string]any{"kind": "out", "quantity": 2, "note": "摔坏了"})
	require.EqualValues(t, 8, out.Stock)
	require.True(t, out.Low)
	moves := ask[api.Page[api.StockMove]](officer, "GET", path+"/moves", nil).Items
	require.Equal(t, "out", moves[0].Kind)
	require.Equal(t, "摔坏了", moves[0].Note)

	require.Empty(t, ask[api.Product](owner, "DELETE", path+"/photo", nil).Photo)
	require.Equal(t, 404, show(second.Thumb).status)
}
