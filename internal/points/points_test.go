package points_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"jishan/internal/decimal"
	"jishan/internal/points"
)

func TestReadAndWrite(t *testing.T) {
	for text, want := range map[string]points.Amount{"0": 0, "0.1": 10, "-0.5": -50, "12.50": 1250, "+3": 300, "007": 700, "10000000": decimal.Limit} {
		got, err := points.Parse(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for text, want := range map[string]error{
		"": decimal.ErrSyntax, "-": decimal.ErrSyntax, "1e3": decimal.ErrSyntax, ".5": decimal.ErrSyntax, "5.": decimal.ErrSyntax, "1 2": decimal.ErrSyntax, "１": decimal.ErrSyntax,
		"0.005": decimal.ErrPrecision, "10000000.01": decimal.ErrRange, "99999999999999999999": decimal.ErrRange, "NaN": decimal.ErrSyntax,
	} {
		_, err := points.Parse(text)
		require.ErrorIs(t, err, want, text)
	}
	require.Equal(t, "+5 −0.5 0", points.Whole(5).Signed()+" "+points.Amount(-50).Signed()+" "+points.Amount(0).Signed())
}

func TestJSONKeepsEveryAmount(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := points.Amount(rapid.Int64Range(-decimal.Limit, decimal.Limit).Draw(t, "amount"))
		b, err := json.Marshal(a)
		require.NoError(t, err)
		var back, quoted points.Amount
		require.NoError(t, json.Unmarshal(b, &back))
		require.NoError(t, json.Unmarshal([]byte(`"`+string(b)+`"`), &quoted))
		require.Equal(t, a, back)
		require.Equal(t, a, quoted)
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"0.1", "-12.34", "1e9", "００", "999999999999999999999999", "0.000", "--1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := points.Parse(s)
		if err != nil {
			return
		}
		require.LessOrEqual(t, a.Abs(), points.Amount(decimal.Limit))
		back, err := points.Parse(a.String())
		require.NoError(t, err)
		require.Equal(t, a, back)
	})
}
