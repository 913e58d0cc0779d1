package people

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestGroupsUnderManyNames(t *testing.T) {
	for want, names := range map[string][]string{
		"1":  {"1", "01", "1组", "一组", "第一组", "第1村民小组", "１组", " 一 小组", "小渔溪村一组"},
		"10": {"十组", "10", "第十村民小组"},
		"23": {"二十三组", "23组"},
		"1社": {"一社", "1社", "第一社"},
		"东湾": {"东湾", "东湾组", "东湾小组"},
		"":   {""},
	} {
		for _, n := range names {
			require.Equal(t, want, groupKey(n, "小渔溪村"), n)
		}
	}
	for in, want := range map[string]string{"1": "1组", "一组": "一组", "小渔溪村3组": "3组", "东湾": "东湾组", "二社": "二社"} {
		require.Equal(t, want, groupName(in, "小渔溪村"))
		require.Equal(t, groupKey(in, "小渔溪村"), groupKey(groupName(in, "小渔溪村"), "小渔溪村"))
	}
}

func FuzzGroupKey(f *testing.F) {
	for _, s := range []string{"第十一村民小组", "组", "十", "二十", "零组", "999999999999999999999组"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		key := groupKey(s, "村")
		if key != "" {
			require.NotEmpty(t, groupName(s, "村"))
		}
	})
}
