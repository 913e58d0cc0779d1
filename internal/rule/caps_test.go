package rule

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"jishan/internal/points"
)

func TestParseCaps(t *testing.T) {
	for _, c := range []struct {
		text    string
		subject Subject
		caps    []Cap
		rest    []string
	}{
		{"", Household, nil, nil},
		{"不限", Household, nil, nil},
		{"每日最多1次", Household, []Cap{{Per: PerDay, Times: 1}}, nil},
		{"每日最多1次；每月最多4次", Household, []Cap{{Per: PerDay, Times: 1}, {Per: PerMonth, Times: 4}}, nil},
		{"每月最多4次，每天限一次", Household, []Cap{{Per: PerDay, Times: 1}, {Per: PerMonth, Times: 4}}, nil},
		{"每月累计不超过２０分", Person, []Cap{{Per: PerMonth, Points: whole(20)}}, nil},
		{"每月最多4次，20.5分封顶", Person, []Cap{{Per: PerMonth, Times: 4, Points: points.Amount(2050)}}, nil},
		{"2次/月\n10分/年", Person, []Cap{{Per: PerMonth, Times: 2}, {Per: PerYear, Points: whole(10)}}, nil},
		{"每户每年最多两次", Household, []Cap{{Per: PerYear, Times: 2}}, nil},
		{"每人每年最多两次", Household, []Cap{{Per: PerYear, Times: 2, Who: WhoPerson}}, nil},
		{"每户每月最高10分", Person, []Cap{{Per: PerMonth, Points: whole(10), Who: WhoHousehold}}, nil},
		{"每人每月限1次，每户每月限3次", Person, []Cap{{Per: PerMonth, Times: 1}, {Per: PerMonth, Times: 3, Who: WhoHousehold}}, nil},
		{"年度内累计不超过40分", Person, []Cap{{Per: PerYear, Points: whole(40)}}, nil},
		{"单次不超过20分", Household, []Cap{{Per: PerAct, Points: whole(20)}}, nil},
		{"同一户每季度不超过2次", Person, []Cap{{Per: PerQuarter, Times: 2, Who: WhoHousehold}}, nil},
		{"每人每季度最高十五分", Person, []Cap{{Per: PerQuarter, Points: whole(15)}}, nil},
		{"年度上限50分", Member, []Cap{{Per: PerYear, Points: whole(50)}}, nil},
		{"全年累计不超过二十次", Member, []Cap{{Per: PerYear, Times: 20}}, nil},
		{"累计最多100分", Member, []Cap{{Per: PerEver, Points: whole(100)}}, nil},
		{"仅一次", Member, []Cap{{Per: PerEver, Times: 1}}, nil},
		{"一次性", Member, []Cap{{Per: PerEver, Times: 1}}, nil},
		{"每周1次", Member, []Cap{{Per: PerWeek, Times: 1}}, nil},
		{"每日最多1次；由村委会决定", Household, []Cap{{Per: PerDay, Times: 1}}, []string{"由村委会决定"}},
		{"每次最多5分", Household, []Cap{{Per: PerAct, Points: whole(5)}}, nil},
		{"每次最多2次", Household, nil, []string{"每次最多2次"}},
		{"每名党员每年10分", Household, nil, []string{"每名党员每年10分"}},
		{"上限10分", Household, nil, []string{"上限10分"}},
		{"每日最多1次；每日最多2次", Household, []Cap{{Per: PerDay, Times: 1}}, []string{"每日最多2次"}},
		{"每日最多0次", Household, nil, []string{"每日最多0次"}},
		{"每日最多1.5次", Household, nil, []string{"每日最多1.5次"}},
		{"每日最多99999999999次", Household, nil, []string{"每日最多99999999999次"}},
		{"每日最多一十一十次", Household, nil, []string{"每日最多一十一十次"}},
	} {
		caps, rest := ParseCaps(c.text, c.subject)
		require.Equal(t, c.caps, caps, c.text)
		require.Equal(t, c.rest, rest, c.text)
	}
}

func TestWrittenCapsAreReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawRule(t).Spec.Caps
		got, rest := ParseCaps(FormatCaps(want), Person)
		require.Empty(t, rest)
		require.Equal(t, want, got)
	})
}

func FuzzParseCaps(f *testing.F) {
	for _, s := range []string{"", "每日最多1次；每月最多4次", "每月累计不超过20分", "2次/月", "仅一次", "每户每年限两次，20分封顶", "十十次/年", "每日最多0.01分"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		caps, _ := ParseCaps(text, Household)
		spec := Spec{Shape: Fixed, Points: 1, Caps: caps}
		if err := spec.Validate(); err != nil {
			t.Fatalf("%q gave caps that do not hold together: %v", text, err)
		}
		again, rest := ParseCaps(FormatCaps(caps), Household)
		if len(rest) > 0 || !slices.Equal(again, caps) {
			t.Fatalf("%q: %v written and read back: %v, rest %q", text, caps, again, rest)
		}
	})
}
