package demo

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"math"
)

// edge is the length of a drawing's sides in pixels. Shapes are given in hundredths of it.
const edge = 480

// stroke is one part of a drawing: a rounded box, or a bar between two points where thick is set.
type stroke struct {
	x0, y0, x1, y1 float64
	round          float64 // of a box's corners
	thick          float64 // of a bar
	color          uint32  // 0xrrggbb
}

// opaque is how much of a pixel the stroke covers, by the distance from its edge.
func (s stroke) opaque(px, py float64) uint8 {
	var far float64
	if s.thick > 0 {
		dx, dy := s.x1-s.x0, s.y1-s.y0
		t := max(0, min(1, ((px-s.x0)*dx+(py-s.y0)*dy)/(dx*dx+dy*dy)))
		far = math.Hypot(px-s.x0-t*dx, py-s.y0-t*dy) - s.thick/2
	} else {
		qx := math.Abs(px-(s.x0+s.x1)/2) - (s.x1-s.x0)/2 + s.round
		qy := math.Abs(py-(s.y0+s.y1)/2) - (s.y1-s.y0)/2 + s.round
		far = math.Hypot(max(qx, 0), max(qy, 0)) + min(max(qx, qy), 0) - s.round
	}
	return uint8(255 * max(0, min(1, 0.5-far*edge/100)))
}

func box(x0, y0, x1, y1, round float64, color uint32) stroke {
	return stroke{x0, y0, x1, y1, round, 0, color}
}

func bar(x0, y0, x1, y1, thick float64, color uint32) stroke {
	return stroke{x0, y0, x1, y1, 0, thick, color}
}

func sack(c uint32) []stroke {
	return []stroke{box(24, 20, 76, 88, 12, c), bar(30, 26, 70, 26, 3, 0xfdf6e3), box(34, 44, 66, 70, 5, 0xfdf6e3), bar(41, 53, 59, 53, 3, c), bar(41, 61, 55, 61, 3, c)}
}

func bottle(c uint32) []stroke {
	return []stroke{box(42, 12, 58, 22, 3, 0x8a4b2a), box(44, 20, 56, 36, 3, c), box(30, 32, 70, 90, 12, c), box(30, 50, 70, 76, 0, 0xfdf6e3), bar(40, 59, 60, 59, 3, c), bar(40, 67, 54, 67, 3, c)}
}

func carton(c uint32) []stroke {
	return []stroke{box(16, 36, 84, 80, 5, c), box(16, 36, 84, 48, 5, 0xfdf6e3), box(30, 54, 70, 70, 4, 0xfdf6e3), bar(40, 62, 60, 62, 3, c)}
}

func roll(c uint32) []stroke {
	return []stroke{box(20, 24, 80, 84, 4, c), bar(20, 34, 80, 34, 4, 0xfdf6e3), bar(20, 74, 80, 74, 4, 0xfdf6e3), bar(32, 48, 68, 48, 2, 0xfdf6e3), bar(32, 60, 68, 60, 2, 0xfdf6e3)}
}

func tool(c uint32) []stroke {
	return []stroke{bar(30, 88, 66, 18, 6, 0xa9743f), bar(50, 16, 84, 32, 12, c)}
}

func tube(c uint32) []stroke {
	return []stroke{bar(20, 72, 72, 34, 18, c), bar(70, 35, 80, 28, 10, 0xfdf6e3), bar(32, 64, 56, 46, 4, 0xfdf6e3)}
}

// drawings are what the demo's shops show; goods that are not here have no photo, as in life.
var drawings = map[string][]stroke{
	"大米": sack(0x3f7d4e), "菜籽油": bottle(0xd9a21b), "洗衣粉": sack(0x2f6db5), "洗洁精": bottle(0x3c9d6b), "抽纸": carton(0x7a9cc6), "牙膏": tube(0xc0392b),
	"毛巾": roll(0xd98880), "暖水瓶": bottle(0xb03a2e), "电饭煲": carton(0x95a5a6), "食盐": sack(0x5d8aa8), "酱油": bottle(0x5b3a29), "肥皂": carton(0xd4ac0d),
	"香皂": carton(0xc97fa6), "垃圾袋": roll(0x4d5656), "挂面": roll(0xd9b382), "复合肥": sack(0xb9770e), "镰刀": tool(0x7f8c8d), "锄头": tool(0x566573),
}

// drawing is a PNG; nil where there is none of that name.
func drawing(name string) ([]byte, error) {
	strokes, ok := drawings[name]
	if !ok {
		return nil, nil
	}
	all := image.Rect(0, 0, edge, edge)
	m := image.NewRGBA(all)
	draw.Draw(m, all, image.NewUniform(color.RGBA{0xec, 0xf0, 0xe6, 0xff}), image.Point{}, draw.Src)
	mask := image.NewAlpha(all)
	for _, s := range strokes {
		for y := range edge {
			for x := range edge {
				mask.Pix[y*mask.Stride+x] = s.opaque((float64(x)+0.5)*100/edge, (float64(y)+0.5)*100/edge)
			}
		}
		fill := color.RGBA{uint8(s.color >> 16), uint8(s.color >> 8), uint8(s.color), 0xff}
		draw.DrawMask(m, all, image.NewUniform(fill), image.Point{}, mask, image.Point{}, draw.Over)
	}
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&b, m); err != nil {
		return nil, fmt.Errorf("drawing %s: %w", name, err)
	}
	return b.Bytes(), nil
}
