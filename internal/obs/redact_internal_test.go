package obs

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Redact tries no expression where it cannot match: it hides what trying all of them would.
func TestRedactLeavesOutNothingThatMatches(t *testing.T) {
	all := func(s string) string {
		s = pairs.ReplaceAllString(s, "${1}"+hidden)
		s = bearer.ReplaceAllString(s, hidden)
		s = jwt.ReplaceAllString(s, hidden)
		s = userinfo.ReplaceAllString(s, "${1}"+hidden+"${2}")
		s = urlinfo.ReplaceAllString(s, "${1}"+hidden+"@")
		return numbers(spaced.ReplaceAllString(s, "[手机号]"))
	}
	piece := rapid.OneOf(rapid.SampledFrom([]string{
		"password", "PIN", "Phone", "access_token", "authorization", "Bearer", "bearer", "eyJhbGciOiJI", ".eyJz.dGVz", "root", "tcp(", "unix(", "http://", "://",
		"139", "1390013", "13900138000", "139 0013 8000", "139-0013-8000", "Bearer abc", "root:pw@tcp(", "8000", "110105194912310021", "X", "=", ":", "@", " ", "-", "\t", "\n", "\f", "\v", "\u00a0", "\"", "'", ",", "{", ")", ".", "/",
		"/api/v1/villages", "墙", "ſecret", "\u212a",
	}), rapid.String())
	rapid.Check(t, func(t *rapid.T) {
		s := ""
		for _, p := range rapid.SliceOfN(piece, 0, 12).Draw(t, "pieces") {
			s += p
		}
		require.Equal(t, all(s), Redact(s))
	})
}

func BenchmarkRedact(b *testing.B) {
	for _, s := range []string{"/api/v1/villages/02jpqk8x5nv37/awards", "127.0.0.1", "28mwbpw7v48qg", "POST"} {
		b.Run(s, func(b *testing.B) {
			for range b.N {
				Redact(s)
			}
		})
	}
}
