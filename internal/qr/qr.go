// Package qr draws QR codes.
//
//	png, err := qr.PNG("https://jifen.example.cn/h/AB12-C", 400) // for screens
//	svg, err := qr.SVG("https://jifen.example.cn/h/AB12-C")      // for print, any size
//
// Invariants: a quiet zone of four modules on every side, without which cheap
// scanners at a counter fail; black on white; medium error correction (15 % of
// the code may be dirty).
package qr

import (
	"bytes"
	"fmt"

	"github.com/skip2/go-qrcode"
)

const (
	minSize = 64
	maxSize = 4096
)

// PNG is an image of size × size pixels, 64 to 4096. A code that needs more pixels than size gets one pixel for each module.
func PNG(text string, size int) ([]byte, error) {
	if size < minSize || size > maxSize {
		return nil, fmt.Errorf("drawing a QR code: %d pixels is not between %d and %d", size, minSize, maxSize)
	}
	q, err := qrcode.New(text, qrcode.Medium)
	if err != nil {
		return nil, fmt.Errorf("drawing a QR code: %w", err)
	}
	b, err := q.PNG(size)
	if err != nil {
		return nil, fmt.Errorf("drawing a QR code: %w", err)
	}
	return b, nil
}

// SVG is an image without a fixed size, one unit for each module. It does not contain the text.
func SVG(text string) ([]byte, error) {
	q, err := qrcode.New(text, qrcode.Medium)
	if err != nil {
		return nil, fmt.Errorf("drawing a QR code: %w", err)
	}
	modules := q.Bitmap()
	n := len(modules)
	var out bytes.Buffer
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" shape-rendering="crispEdges">`, n, n)
	fmt.Fprintf(&out, `<rect width="%d" height="%d" fill="#fff"/><path fill="#000" d="`, n, n)
	for y, row := range modules {
		for x := 0; x < n; x++ {
			if !row[x] {
				continue
			}
			run := 1
			for x+run < n && row[x+run] {
				run++
			}
			fmt.Fprintf(&out, "M%d %dh%dv1h-%dz", x, y, run, run)
			x += run
		}
	}
	out.WriteString(`"/></svg>`)
	return out.Bytes(), nil
}
