package demo

import "jishan/internal/points"

// The demo's world. The county and the township are invented; so are all people.
const (
	countyName   = "青岩县"
	countyCode   = "439900000000"
	townshipName = "渔溪镇"
	townshipCode = "439900100000"
)

// village is how a village of the demo is laid out.
type village struct {
	Name       string
	Code       string
	Households int
	Groups     int
	Login      string // of its officer: cun-<Login>
	Officer    string
	Secretary  string // of its party branch
	Eager      int    // how many awards a hundred households get in a week
}

var villages = []village{
	{"小渔溪村", "439900100201", 320, 8, "xyx", "田宏", "向明义", 36},
	{"芷溪村", "439900100202", 310, 7, "zx", "彭春霞", "彭光军", 32},
	{"木叶溪社区", "439900100001", 340, 6, "myx", "覃建军", "张义顺", 30},
	{"金厂坪村", "439900100203", 280, 6, "jcp", "李秀兰", "李永林", 28},
	{"细米溪村", "439900100204", 260, 6, "xmx", "王开平", "王厚德", 27},
	{"牛皮寨村", "439900100205", 250, 5, "npz", "石武", "石光盛", 24},
	{"千公牛村", "439900100206", 240, 5, "qgn", "符翠英", "符先志", 22},
}

// good is something on a demo shop's shelf.
type good struct {
	Name  string
	Unit  string
	Price points.Amount
	Stock int64
}

// store is a cooperating supermarket. All serve every village at one yuan for ten points.
type store struct {
	Name    string
	Code    string
	Login   string
	Owner   string
	Clerk   string
	County  bool // stands in the county town, else in the market town
	Address string
	Phone   string
	Goods   []good
}

func whole(n int64) points.Amount { return points.Whole(n) }

var stores = []store{
	{"汇丰超市", "HF", "huifeng", "罗汇丰", "周小敏", true, "县城建设路18号", "0799-6600123", []good{
		{"大米", "袋", whole(250), 6000}, {"菜籽油", "桶", whole(300), 4000}, {"洗衣粉", "袋", whole(60), 9000}, {"洗洁精", "瓶", whole(40), 9000},
		{"抽纸", "提", whole(80), 9000}, {"牙膏", "支", whole(50), 6000}, {"毛巾", "条", whole(45), 6000}, {"暖水瓶", "个", whole(200), 1500},
		{"雨伞", "把", whole(120), 2000}, {"电饭煲", "台", whole(900), 300},
	}},
	{"便民超市", "BM", "bianmin", "宋便民", "杨桂香", false, "渔溪镇正街6号", "0799-6601456", []good{
		{"食盐", "包", whole(15), 9000}, {"酱油", "瓶", whole(45), 6000}, {"肥皂", "块", whole(20), 9000}, {"香皂", "块", whole(25), 6000},
		{"垃圾袋", "卷", whole(20), 6000}, {"挂面", "把", whole(30), 8000}, {"扫把", "把", whole(55), 2000},
	}},
	{"惠农商店", "HN", "huinong", "邹惠农", "熊小红", false, "渔溪镇河街21号", "0799-6601789", []good{
		{"复合肥", "袋", whole(600), 1500}, {"镰刀", "把", whole(90), 1200}, {"锄头", "把", whole(150), 1000}, {"雨靴", "双", whole(180), 1500},
		{"劳保手套", "双", whole(10), 9000}, {"草帽", "顶", whole(40), 2500},
	}},
}
