package demo

import (
	"fmt"
	"math/rand/v2"
)

// The names are invented from common parts; whoever bears one of them is not meant.
var (
	surnames   = []rune("向田彭覃张李王刘陈杨周吴罗全符宋黄石龙唐谢邓胡邹舒瞿钟熊姚戴米印余莫文沈粟尚孟卢")
	maleNames  = []rune("大建国明德华军文武志强勇永光忠厚长生春林松柏义仁礼智信清平安宏远开先祖茂盛学才顺昌绍佑铁山水田金银")
	femaleName = []rune("秀英桂兰玉梅菊香莲凤珍翠云霞春红艳芳丽娟月娥美琴慧巧淑贞冬雪燕萍小妹彩银枝叶满姣素")
)

// sex as the people package stores it: 1 male, 2 female.
const (
	male   = 1
	female = 2
)

// person is an invented villager.
type person struct {
	Name     string
	Relation string
	Gender   int
	Phone    string // of heads only
}

// family is an invented household, the head first.
type family struct {
	Group  int // from 1
	House  int // number of the house within the group
	People []person
}

// inventor makes up families: the same seed makes the same ones.
type inventor struct {
	r     *rand.Rand
	phone int
	heads map[string]bool // by group and name: the roster tells households of a group apart by their heads
}

func newInventor(seed uint64) *inventor {
	return &inventor{r: rand.New(rand.NewPCG(seed, 0x6a69_7368_616e)), phone: int(seed) * 10_000, heads: map[string]bool{}}
}

func (v *inventor) pick(from []rune) string { return string(from[v.r.IntN(len(from))]) }

func (v *inventor) given(gender int) string {
	from := maleNames
	if gender == female {
		from = femaleName
	}
	if v.r.IntN(6) == 0 {
		return v.pick(from)
	}
	return v.pick(from) + v.pick(from)
}

// family is one household: a head of 28 to 80, perhaps a spouse, children, a parent, a grandchild; three people on average.
func (v *inventor) family(group, house int) family {
	f := family{Group: group, House: house}
	surname, age, gender := v.pick(surnames), 28+v.r.IntN(53), male
	if v.r.IntN(6) == 0 {
		gender = female
	}
	names := map[string]bool{}
	add := func(surname, relation string, gender int) {
		name := surname + v.given(gender)
		for names[name] || relation == "户主" && v.heads[fmt.Sprint(group, name)] {
			name = surname + v.given(gender)
		}
		names[name] = true
		f.People = append(f.People, person{Name: name, Relation: relation, Gender: gender})
	}
	add(surname, "户主", gender)
	v.heads[fmt.Sprint(group, f.People[0].Name)] = true
	f.People[0].Phone = v.newPhone()
	child := func(son, daughter string) {
		if v.r.IntN(2) == 0 {
			add(surname, son, male)
		} else {
			add(surname, daughter, female)
		}
	}
	if v.r.IntN(5) > 0 {
		add(v.pick(surnames), "配偶", male+female-gender)
	}
	if age < 62 && v.r.IntN(4) > 0 {
		child("子", "女")
		if v.r.IntN(3) == 0 {
			child("子", "女")
		}
	}
	if age < 55 && v.r.IntN(4) == 0 {
		add(v.pick(surnames), "母亲", female)
	}
	if age >= 55 && v.r.IntN(3) == 0 {
		child("孙子", "孙女")
	}
	return f
}

// newPhone is a number of the right form; the demo sends no messages.
func (v *inventor) newPhone() string {
	v.phone++
	return fmt.Sprintf("199%08d", v.phone)
}

// families are n households spread evenly over the groups.
func (v *inventor) families(n, groups int) []family {
	out := make([]family, n)
	group, house := 0, 0
	for i := range out {
		if g := 1 + i*groups/n; g != group {
			group, house = g, 0
		}
		house++
		out[i] = v.family(group, house)
	}
	return out
}
