package files_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"testing"

	"github.com/stretchr/testify/require"

	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/files"
	"jishan/internal/id"
	"jishan/internal/testkit"
)

// halves is a picture, red above and blue below.
func halves(w, h int) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := color.RGBA{220, 0, 0, 255}
			if y >= h/2 {
				c = color.RGBA{0, 0, 220, 255}
			}
			m.SetRGBA(x, y, c)
		}
	}
	return m
}

func asJPEG(t testing.TB, m image.Image) []byte {
	var b bytes.Buffer
	require.NoError(t, jpeg.Encode(&b, m, nil))
	return b.Bytes()
}

func asPNG(t testing.TB, m image.Image) []byte {
	var b bytes.Buffer
	require.NoError(t, png.Encode(&b, m))
	return b.Bytes()
}

// webp is a lossless WebP of one colour, 8 × 8, as cwebp writes it.
var webp = []byte("RIFF\x1e\x00\x00\x00WEBPVP8L\x11\x00\x00\x00\x2f\x07\xc0\x01\x00\x07\x10\xfd\x8f\xfe\x07\x22\xa2\xff\x01\x00")

// withExif puts an Exif block after the start of a JPEG: the orientation, and where the picture was taken.
func withExif(file []byte, orientation uint16, order binary.ByteOrder) []byte {
	tiff := []byte("MM\x00\x2a")
	if order == binary.LittleEndian {
		tiff = []byte("II\x2a\x00")
	}
	tiff = binary.BigEndian.AppendUint32(tiff, 0)
	order.PutUint32(tiff[4:], 8)
	entry := make([]byte, 14)
	order.PutUint16(entry, 1)
	order.PutUint16(entry[2:], 0x0112)
	order.PutUint16(entry[4:], 3)
	order.PutUint32(entry[6:], 1)
	order.PutUint16(entry[10:], orientation)
	body := append(append([]byte("Exif\x00\x00"), append(tiff, entry...)...), "GPSLatitude 28.1234"...)
	out := append([]byte{}, file[:2]...)
	out = append(out, 0xff, 0xe1)
	out = binary.BigEndian.AppendUint16(out, uint16(len(body)+2))
	return append(append(out, body...), file[2:]...)
}

func size(t testing.TB, file []byte) image.Point {
	m, err := jpeg.Decode(bytes.NewReader(file))
	require.NoError(t, err)
	return m.Bounds().Size()
}

func TestRead(t *testing.T) {
	p, err := files.Read(asJPEG(t, halves(2000, 1500)))
	require.NoError(t, err)
	require.Equal(t, image.Pt(960, 720), size(t, p.Large))
	require.Equal(t, image.Pt(240, 180), size(t, p.Small))
	require.Len(t, p.Hash, 32)
	again, err := files.Read(asJPEG(t, halves(2000, 1500)))
	require.NoError(t, err)
	require.Equal(t, p, again, "the same file is the same picture")

	small, err := files.Read(asPNG(t, halves(30, 100)))
	require.NoError(t, err)
	require.Equal(t, image.Pt(30, 100), size(t, small.Large), "a small picture is not blown up")
	line, err := files.Read(asPNG(t, halves(5000, 2)))
	require.NoError(t, err)
	require.Equal(t, image.Pt(960, 1), size(t, line.Large))
	_, err = files.Read(webp)
	require.NoError(t, err)

	clear := image.NewNRGBA(image.Rect(0, 0, 20, 20))
	white, err := files.Read(asPNG(t, clear))
	require.NoError(t, err)
	m, err := jpeg.Decode(bytes.NewReader(white.Large))
	require.NoError(t, err)
	r, g, b, _ := m.At(10, 10).RGBA()
	require.Greater(t, min(r, g, b), uint32(0xfc00), "what was transparent is white")
}

func TestNothingOfTheFileIsKept(t *testing.T) {
	sent := withExif(asJPEG(t, halves(640, 480)), 1, binary.BigEndian)
	sent = append(sent, "<script>alert(1)</script>"...)
	require.Contains(t, string(sent), "GPSLatitude")
	p, err := files.Read(sent)
	require.NoError(t, err)
	for _, kept := range [][]byte{p.Large, p.Small} {
		require.NotContains(t, string(kept), "Exif")
		require.NotContains(t, string(kept), "GPSLatitude")
		require.NotContains(t, string(kept), "script")
	}
}

// The eight ways to hold a camera: each file says how it must be turned so that red ends up where it was in the scene.
func TestUpright(t *testing.T) {
	wide := asJPEG(t, halves(64, 32))
	red := map[int]image.Point{1: {32, 4}, 2: {32, 4}, 3: {32, 28}, 4: {32, 28}, 5: {4, 32}, 6: {28, 32}, 7: {28, 32}, 8: {4, 32}}
	for o, at := range red {
		for _, order := range []binary.ByteOrder{binary.BigEndian, binary.LittleEndian} {
			p, err := files.Read(withExif(wide, uint16(o), order))
			require.NoError(t, err)
			m, err := jpeg.Decode(bytes.NewReader(p.Large))
			require.NoError(t, err)
			want := image.Pt(64, 32)
			if o >= 5 {
				want = image.Pt(32, 64)
			}
			require.Equal(t, want, m.Bounds().Size(), "orientation %d", o)
			r, _, b, _ := m.At(at.X, at.Y).RGBA()
			require.Greater(t, r, b, "orientation %d", o)
			r, _, b, _ = m.At(want.X-1-at.X, want.Y-1-at.Y).RGBA()
			require.Less(t, r, b, "orientation %d", o)
		}
	}
}

// forged changes the size a PNG says it has.
func forged(t testing.TB, w, h uint32) []byte {
	b := asPNG(t, halves(8, 8))
	binary.BigEndian.PutUint32(b[16:], w)
	binary.BigEndian.PutUint32(b[20:], h)
	binary.BigEndian.PutUint32(b[29:], crc32.ChecksumIEEE(b[12:29]))
	return b
}

func TestRefused(t *testing.T) {
	for name, file := range map[string][]byte{"nothing": nil, "text": []byte("hello"), "svg": []byte("<svg xmlns='http://www.w3.org/2000/svg'/>"), "gif": []byte("GIF89a\x01\x00\x01\x00"), "html": []byte("<html>")} {
		_, err := files.Read(file)
		require.ErrorIs(t, err, files.ErrKind, name)
	}
	whole := asJPEG(t, halves(100, 100))
	scans := append(append([]byte{}, whole...), bytes.Repeat([]byte{0xff, 0xda}, 100)...)
	for name, file := range map[string][]byte{"cut": whole[:len(whole)/2], "head only": whole[:4], "webp head": webp[:12], "no area": forged(t, 0, 8), "thousands of scans": scans} {
		_, err := files.Read(file)
		require.ErrorIs(t, err, files.ErrBroken, name)
	}
	for name, file := range map[string][]byte{"a billion pixels": forged(t, 40_000, 40_000), "26 million pixels": forged(t, 5200, 5000), "a long line": forged(t, 20_000, 1),
		"many bytes": append(whole, make([]byte, files.MaxBytes)...)} {
		used := testing.AllocsPerRun(1, func() {
			_, err := files.Read(file)
			require.ErrorIs(t, err, files.ErrPixels, name)
		})
		require.Less(t, used, 1000.0, name)
	}
	// A WebP that says it is small and holds a large frame.
	liar := append([]byte("RIFF\x40\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00\x07\x00\x00\x07\x00\x00"), webp[12:]...)
	binary.LittleEndian.PutUint32(liar[len(liar)-17:], 0x3fff|0x3fff<<14)
	_, err := files.Read(liar)
	require.ErrorIs(t, err, files.ErrBroken)
}

func TestStore(t *testing.T) {
	d, ctx := testkit.DB(t), context.Background()
	a, err := files.Read(asJPEG(t, halves(300, 200)))
	require.NoError(t, err)
	b, err := files.Read(asJPEG(t, halves(200, 300)))
	require.NoError(t, err)
	thing, other := id.New(), id.New()
	put := func(tx db.Tx, thing id.ID, p files.Picture) { require.NoError(t, files.Put(tx, thing, p)) }
	require.NoError(t, d.Tx(ctx, func(tx db.Tx) error {
		put(tx, thing, a)
		put(tx, thing, a)
		put(tx, other, a)
		put(tx, thing, b)
		return nil
	}))
	require.NoError(t, d.Read(ctx, func(tx db.Tx) error {
		got, err := files.Get(tx, thing, b.Hash, files.Large)
		require.NoError(t, err)
		require.Equal(t, b.Large, got)
		got, err = files.Get(tx, other, a.Hash, files.Small)
		require.NoError(t, err)
		require.Equal(t, a.Small, got)
		for _, gone := range []struct {
			thing id.ID
			hash  string
		}{{thing, a.Hash}, {other, b.Hash}, {id.New(), a.Hash}, {thing, ""}} {
			_, err = files.Get(tx, gone.thing, gone.hash, files.Small)
			require.ErrorIs(t, err, errs.ErrNotFound)
		}
		return nil
	}))
}

// Whatever is sent, reading ends with a picture that fits or a refusal, and never with a panic.
func FuzzRead(f *testing.F) {
	f.Add(asJPEG(f, halves(40, 20)))
	f.Add(withExif(asJPEG(f, halves(40, 20)), 6, binary.LittleEndian))
	f.Add(asPNG(f, halves(20, 40)))
	f.Add(forged(f, 5000, 5000))
	f.Add(webp)
	f.Fuzz(func(t *testing.T, file []byte) {
		p, err := files.Read(file)
		if err != nil {
			require.Contains(t, []string{"picture.kind", "picture.pixels", "picture.broken"}, errs.From(err).Code.ID)
			return
		}
		for edge, kept := range map[int][]byte{960: p.Large, 240: p.Small} {
			s := size(t, kept)
			require.LessOrEqual(t, max(s.X, s.Y), edge)
		}
	})
}
