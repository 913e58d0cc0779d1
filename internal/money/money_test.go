package money_test

import (
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"jishan/internal/decimal"
	"jishan/internal/money"
	"jishan/internal/points"
)

func TestYuanHaveTwoPlaces(t *testing.T) {
	for fen, want := range map[money.Fen]string{0: "0.00", 5: "0.05", 50: "0.50", 1250: "12.50", -1: "-0.01", 10000: "100.00"} {
		require.Equal(t, want, fen.String())
		back, err := money.Parse(fen.String())
		require.NoError(t, err)
		require.Equal(t, fen, back)
	}
	require.Error(t, money.Rate{}.Check())
	require.NoError(t, money.Rate{Points: 100}.Check())
}

// Value is points × fen ÷ points, rounded once, half away from zero; big rationals are the judge.
func TestValueRoundsOnceHalfUp(t *testing.T) {
	require.Equal(t, money.Fen(3), money.Rate{Points: 200, Fen: 5}.Value(100)) // 2.5
	require.Equal(t, money.Fen(-3), money.Rate{Points: 200, Fen: 5}.Value(-100))
	rapid.Check(t, func(t *rapid.T) {
		r := money.Rate{Points: points.Amount(rapid.Int64Range(1, decimal.Limit).Draw(t, "points")), Fen: money.Fen(rapid.Int64Range(0, decimal.Limit).Draw(t, "fen"))}
		a := points.Amount(rapid.Int64Range(0, decimal.Limit).Draw(t, "amount"))
		twice := new(big.Int).Mul(big.NewInt(int64(a)*2), big.NewInt(int64(r.Fen)))
		twice.Add(twice, big.NewInt(int64(r.Points)))
		want := twice.Div(twice, big.NewInt(2*int64(r.Points)))
		if !want.IsInt64() {
			return
		}
		require.Equal(t, money.Fen(want.Int64()), r.Value(a))
	})
}
