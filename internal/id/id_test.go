package id_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"jishan/internal/id"
)

func TestKeysSpellAndRead(t *testing.T) {
	for range 1000 {
		k := id.New()
		require.Positive(t, k)
		back, err := id.Parse(strings.ToUpper(k.String()))
		require.NoError(t, err)
		require.Equal(t, k, back)
		b, err := json.Marshal(map[string]id.ID{"k": k})
		require.NoError(t, err)
		var m map[string]id.ID
		require.NoError(t, json.Unmarshal(b, &m))
		require.Equal(t, k, m["k"])
	}
	var zero id.ID
	require.NoError(t, zero.UnmarshalText(nil))
	require.Empty(t, zero.String())
}

func FuzzParse(f *testing.F) {
	f.Add("0h3kq8w2v9m4x")
	f.Add("zzzzzzzzzzzzz")
	f.Add("0000000000000")
	f.Add("g000000000001")
	f.Add("0\u212a000000001")
	f.Fuzz(func(t *testing.T, s string) {
		if k, err := id.Parse(s); err == nil {
			require.Positive(t, k)
			require.Equal(t, strings.ToLower(s), k.String())
		}
	})
}
