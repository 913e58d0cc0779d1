package files

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"image/png"

	"golang.org/x/image/webp"

	"jishan/internal/errs"
)

// What can be wrong with a picture that is sent.
var (
	ErrKind   = errs.Define(errs.Invalid, "picture.kind", "只能上传 JPEG、PNG 或 WebP 图片，请换一张")
	ErrPixels = errs.Define(errs.TooLarge, "picture.pixels", "图片太大，请用手机拍的普通照片，或缩小以后再上传")
	ErrBroken = errs.Define(errs.Invalid, "picture.broken", "图片打不开，可能没有传完整，请换一张再试")
)

// The bounds of what is sent and of what is kept.
const (
	MaxBytes  = 10 << 20   // of the file sent
	maxPixels = 25_000_000 // of the picture sent; a phone takes 12 million. Decoding needs up to 8 bytes for each
	maxEdge   = 16_000     // of the picture sent, in pixels
	maxScans  = 64         // of a progressive JPEG; each costs a walk over the whole picture. Cameras write about ten
	largeEdge = 960        // of the large size kept, in pixels
	smallEdge = 240        // of the small size kept, in pixels
	quality   = 82         // of the JPEG kept
)

// Picture is a picture as it is kept: two JPEGs without any metadata.
type Picture struct {
	Hash         string // of Large: 32 hexadecimal digits
	Large, Small []byte
}

// Read makes a picture of a JPEG, PNG or WebP file: turned upright, on white, at most 960 and 240 pixels long. It needs no
// transaction and takes up to seconds. ErrKind, ErrPixels or ErrBroken where the file is none that can be kept.
func Read(file []byte) (Picture, error) {
	decode, config := decoderOf(file)
	if decode == nil {
		return Picture{}, ErrKind.New()
	}
	if len(file) > MaxBytes {
		return Picture{}, ErrPixels.New()
	}
	c, err := config(bytes.NewReader(file))
	if err != nil || c.Width < 1 || c.Height < 1 {
		return Picture{}, ErrBroken.Wrap(err)
	}
	if c.Width > maxEdge || c.Height > maxEdge || int64(c.Width)*int64(c.Height) > maxPixels {
		return Picture{}, ErrPixels.New()
	}
	if isJPEG(file) && bytes.Count(file, []byte{0xff, 0xda}) > maxScans {
		return Picture{}, ErrBroken.New()
	}
	sent, err := decode(bytes.NewReader(file))
	if err != nil {
		return Picture{}, ErrBroken.Wrap(err)
	}
	large := turned(reduced(sent, largeEdge), orientation(file))
	out := Picture{}
	if out.Large, err = encoded(large); err != nil {
		return Picture{}, ErrBroken.Wrap(err)
	}
	if out.Small, err = encoded(reduced(large, smallEdge)); err != nil {
		return Picture{}, ErrBroken.Wrap(err)
	}
	sum := sha256.Sum256(out.Large)
	out.Hash = hex.EncodeToString(sum[:16])
	return out, nil
}

type (
	decoder = func(*bytes.Reader) (image.Image, error)
	sizer   = func(*bytes.Reader) (image.Config, error)
)

// decoderOf goes by the first bytes, never by a name or by what the sender says; nil where it is none of the three.
func decoderOf(file []byte) (decoder, sizer) {
	switch {
	case isJPEG(file):
		return func(r *bytes.Reader) (image.Image, error) { return jpeg.Decode(r) }, func(r *bytes.Reader) (image.Config, error) { return jpeg.DecodeConfig(r) }
	case bytes.HasPrefix(file, []byte("\x89PNG\r\n\x1a\n")):
		return func(r *bytes.Reader) (image.Image, error) { return png.Decode(r) }, func(r *bytes.Reader) (image.Config, error) { return png.DecodeConfig(r) }
	case len(file) >= 12 && string(file[:4]) == "RIFF" && string(file[8:12]) == "WEBP":
		return func(r *bytes.Reader) (image.Image, error) { return webp.Decode(r) }, func(r *bytes.Reader) (image.Config, error) { return webp.DecodeConfig(r) }
	}
	return nil, nil
}

func isJPEG(file []byte) bool { return bytes.HasPrefix(file, []byte{0xff, 0xd8, 0xff}) }

func encoded(m image.Image) ([]byte, error) {
	var b bytes.Buffer
	err := jpeg.Encode(&b, m, &jpeg.Options{Quality: quality})
	return b.Bytes(), err
}

// reduced is the picture on white, its longer edge at most edge: every pixel is the mean of those it stands for. It reads the
// source in strips, so that a large picture needs no second copy of itself.
func reduced(src image.Image, edge int) *image.RGBA {
	from := src.Bounds()
	w, h := from.Dx(), from.Dy()
	to := image.Rect(0, 0, w, h)
	if long := max(w, h); long > edge {
		to = image.Rect(0, 0, max(1, w*edge/long), max(1, h*edge/long))
	}
	out := image.NewRGBA(to)
	sums := make([][3]uint32, to.Dx())
	var strip *image.RGBA
	for y := range to.Dy() {
		top, bottom := y*h/to.Dy(), (y+1)*h/to.Dy()
		area := image.Rect(0, 0, w, bottom-top)
		if strip == nil || strip.Rect != area {
			strip = image.NewRGBA(area)
		}
		draw.Draw(strip, area, image.NewUniform(color.White), image.Point{}, draw.Src)
		draw.Draw(strip, area, src, image.Pt(from.Min.X, from.Min.Y+top), draw.Over)
		clear(sums)
		for row := range area.Dy() {
			pix := strip.Pix[row*strip.Stride:]
			for x := range sums {
				for sx := x * w / to.Dx(); sx < (x+1)*w/to.Dx(); sx++ {
					sums[x][0] += uint32(pix[4*sx])
					sums[x][1] += uint32(pix[4*sx+1])
					sums[x][2] += uint32(pix[4*sx+2])
				}
			}
		}
		for x, s := range sums {
			n := uint32(((x+1)*w/to.Dx() - x*w/to.Dx()) * area.Dy())
			i := out.PixOffset(x, y)
			out.Pix[i], out.Pix[i+1], out.Pix[i+2], out.Pix[i+3] = uint8((s[0]+n/2)/n), uint8((s[1]+n/2)/n), uint8((s[2]+n/2)/n), 255
		}
	}
	return out
}

// turned is the picture as it was held when it was taken: o is the orientation of the Exif standard (JEITA CP-3451), 1 to 8.
func turned(m *image.RGBA, o int) *image.RGBA {
	if o < 2 || o > 8 {
		return m
	}
	w, h := m.Rect.Dx(), m.Rect.Dy()
	size := image.Rect(0, 0, w, h)
	if o >= 5 {
		size = image.Rect(0, 0, h, w)
	}
	out := image.NewRGBA(size)
	for y := range size.Dy() {
		for x := range size.Dx() {
			var sx, sy int
			switch o {
			case 2:
				sx, sy = w-1-x, y
			case 3:
				sx, sy = w-1-x, h-1-y
			case 4:
				sx, sy = x, h-1-y
			case 5:
				sx, sy = y, x
			case 6:
				sx, sy = y, h-1-x
			case 7:
				sx, sy = w-1-y, h-1-x
			case 8:
				sx, sy = w-1-y, x
			}
			copy(out.Pix[out.PixOffset(x, y):][:4], m.Pix[m.PixOffset(sx, sy):][:4])
		}
	}
	return out
}
