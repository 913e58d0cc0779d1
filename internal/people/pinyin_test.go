package people_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"jishan/internal/people"
)

func TestPinyinKnowsSurnames(t *testing.T) {
	for name, want := range map[string]string{
		"单小梅": "shanxiaomei", "曾国强": "zengguoqiang", "仇英": "qiuying", "解晓东": "xiexiaodong", "查良镛": "zhaliangyong", "区志远": "ouzhiyuan",
		"朴正": "piaozheng", "任长霞": "renchangxia", "盖叫天": "gejiaotian", "尉迟恭": "yuchigong", "万俟雪": "moqixue", "万家宝": "wanjiabao",
		"单于飞": "chanyufei", "欧阳修": "ouyangxiu", "长孙无忌": "zhangsunwuji", "覃建军": "qinjianjun", "翟志刚": "zhaizhigang", "缪昌文": "miaochangwen",
		"李乐": "lile", "乐嘉": "yuejia", "王曾": "wangzeng", "吕绿": "lvlv", "卜算": "busuan", "阚泽": "kanze", "阿依古丽·买买提": "ayigulimaimaiti",
		"Tom Lee": "tomlee", "嗯": "n", "💥": "", "": "",
	} {
		require.Equal(t, want, people.Pinyin(name), name)
	}
	require.Equal(t, "sxm", people.Initials("单小梅"))
	require.Equal(t, "ycg", people.Initials("尉迟恭"))
}

func TestPinyinIsASCIIAndFitsItsColumn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := string(rapid.SliceOfN(rapid.Rune(), 0, 64).Draw(t, "name"))
		require.Regexp(t, `^[a-z0-9]{0,128}$`, people.Pinyin(name))
		require.Regexp(t, `^[a-z0-9]{0,32}$`, people.Initials(name))
	})
}

func TestCleanName(t *testing.T) {
	for in, want := range map[string]string{
		"张　三": "张三", " 张 三 ": "张三", "张\u200b三": "张三", "阿依古丽•买买提": "阿依古丽·买买提", "Ｔｏｍ　 Lee": "Tom Lee", "": "",
	} {
		require.Equal(t, want, people.CleanName(in), in)
	}
}
