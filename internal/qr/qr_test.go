package qr_test

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"image"
	"image/png"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"jishan/internal/qr"
)

const text = "https://jifen.example.cn/h/AB12-C?积善"

// modules reads an SVG back into its modules.
func modules(t *testing.T, b []byte) [][]bool {
	t.Helper()
	var svg struct {
		ViewBox string `xml:"viewBox,attr"`
		Path    struct {
			D string `xml:"d,attr"`
		} `xml:"path"`
	}
	require.NoError(t, xml.Unmarshal(b, &svg))
	var n int
	_, err := fmt.Sscanf(svg.ViewBox, "0 0 %d", &n)
	require.NoError(t, err)
	out := make([][]bool, n)
	for i := range out {
		out[i] = make([]bool, n)
	}
	for _, m := range regexp.MustCompile(`M(\d+) (\d+)h(\d+)v1h-(\d+)z`).FindAllStringSubmatch(svg.Path.D, -1) {
		x, _ := strconv.Atoi(m[1])
		y, _ := strconv.Atoi(m[2])
		run, _ := strconv.Atoi(m[3])
		require.Equal(t, m[3], m[4])
		for i := range run {
			out[y][x+i] = true
		}
	}
	return out
}

func TestSVGAndPNGAreTheSameCode(t *testing.T) {
	b, err := qr.SVG(text)
	require.NoError(t, err)
	require.NotContains(t, string(b), "example")
	m := modules(t, b)
	n := len(m)

	p, err := qr.PNG(text, n*5)
	require.NoError(t, err)
	img, err := png.Decode(bytes.NewReader(p))
	require.NoError(t, err)
	require.Equal(t, image.Rect(0, 0, n*5, n*5), img.Bounds())
	for y := range n {
		for x := range n {
			r, _, _, _ := img.At(x*5+2, y*5+2).RGBA()
			require.Equal(t, m[y][x], r < 0x8000, "module %d,%d", x, y)
		}
	}
}

func TestQuietZoneAndFinders(t *testing.T) {
	b, err := qr.SVG(text)
	require.NoError(t, err)
	m := modules(t, b)
	n := len(m)
	for i := range n {
		for j := range 4 {
			require.False(t, m[j][i] || m[n-1-j][i] || m[i][j] || m[i][n-1-j], "the quiet zone is four modules wide")
		}
	}
	finder := strings.Fields("1111111 1000001 1011101 1011101 1011101 1000001 1111111")
	for _, at := range [][2]int{{4, 4}, {n - 11, 4}, {4, n - 11}} {
		for y, row := range finder {
			for x, c := range row {
				require.Equal(t, c == '1', m[at[1]+y][at[0]+x])
			}
		}
	}
}

func TestDifferentTextsDiffer(t *testing.T) {
	a, err := qr.SVG("a")
	require.NoError(t, err)
	again, err := qr.SVG("a")
	require.NoError(t, err)
	b, err := qr.SVG("b")
	require.NoError(t, err)
	require.Equal(t, a, again)
	require.NotEqual(t, a, b)
}

func TestErrors(t *testing.T) {
	for _, size := range []int{-1, 0, 63, 4097} {
		_, err := qr.PNG("a", size)
		require.ErrorContains(t, err, "pixels")
	}
	for _, s := range []string{"", strings.Repeat("长", 3000)} {
		_, err := qr.PNG(s, 100)
		require.Error(t, err)
		_, err = qr.SVG(s)
		require.Error(t, err)
	}
}
