package rule

import (
	"fmt"
	"io"

	"jishan/internal/ledger"
	"jishan/internal/points"
	"jishan/internal/xlsx"
)

// examples are a rule of every shape, as a book of the asset might contain it.
func examples(asset ledger.Asset) []Rule {
	fixed := func(p int64) Spec { return Spec{Shape: Fixed, Points: points.Whole(p), Unit: "每次"} }
	labour := fixed(5)
	labour.Evidence, labour.Caps = "现场照片", []Cap{{Per: PerDay, Times: 1}, {Per: PerMonth, Times: 4}}
	litter := fixed(-5)
	school, county := fixed(10), fixed(20)
	school.Group, school.GroupPer, county.Group, county.GroupPer = "学生表彰", PerYear, "学生表彰", PerYear
	drink := fixed(-3)
	meeting := fixed(2)
	meeting.Caps = []Cap{{Per: PerMonth, Points: points.Whole(6), Who: WhoHousehold}}
	train := fixed(2)
	train.Remark = "荣誉性质，不参加兑换"
	train.ScoreOnly = true
	drink.Credit, meeting.Credit, train.Credit = CreditHead, CreditMembers, CreditBoth
	out := []Rule{
		{Category: "公益劳动", Item: "参加村里组织的义务劳动（固定分值，限次数）", Spec: labour},
		{Category: "人居环境", Item: "房前屋后乱堆乱放，提醒后不改（固定扣分）", Spec: litter},
		{Category: "邻里互助", Item: "主动帮扶有困难的邻居（在区间里选，每年封顶）",
			Spec: Spec{Shape: Range, Min: points.Whole(2), Max: points.Whole(10), Step: points.Whole(2), Unit: "每次", Caps: []Cap{{Per: PerYear, Points: points.Whole(50)}}}},
		{Category: "文明新风", Item: "破坏公物（按情节分级）", Spec: Spec{Shape: Levels, Levels: []Level{
			{Name: "较轻", Points: points.Whole(-2)}, {Name: "较重", Points: points.Whole(-5)}, {Name: "严重", Points: points.Whole(-10), Max: points.Whole(-20)}}}},
		{Category: "畜禽管理", Item: "家禽不圈养（累次加重，分行写）", Spec: Spec{Shape: Escalate, Unit: "每次",
			Steps: []Step{{points.Whole(-5), "（第一次）"}, {points.Whole(-10), "（第二次）"}, {points.Whole(-15), "（第三次及以上）"}}}},
		{Category: "畜禽管理", Item: "粪污直排沟渠（累次加重，写在一格里，按季度累计）", Spec: Spec{Shape: Escalate, Per: PerQuarter, Steps: []Step{{Points: points.Whole(-5)}, {Points: points.Whole(-10)}}}},
		{Category: "建房秩序", Item: "违章搭建逾期不拆（再犯加倍）", Spec: Spec{Shape: Double, Points: points.Whole(-10), Max: points.Whole(-40)}},
		{Category: "志愿服务", Item: "参加志愿服务（累计满多少小时，一共多少分）", Spec: Spec{Shape: Tiers, Unit: "小时", Per: PerYear,
			Tiers: []Tier{{points.Whole(4), points.Whole(1)}, {points.Whole(10), points.Whole(2)}, {points.Whole(20), points.Whole(5)}, {points.Whole(50), points.Whole(10)}}}},
		{Category: "公益捐助", Item: "捐款（按量，分段，全年相加，每年封顶）", Spec: Spec{Shape: Amount, Unit: "元", Per: PerYear, Caps: []Cap{{Per: PerYear, Points: points.Whole(40)}},
			Bands: []Band{{0, points.Whole(100), points.Whole(1)}, {points.Whole(1000), points.Whole(400), points.Whole(1)}, {points.Whole(5000), points.Whole(500), points.Whole(1)}}}},
		{Category: "公益劳动", Item: "出工（按量，不足一小时按比例）", Spec: Spec{Shape: Amount, Unit: "小时", Share: true, Bands: []Band{{0, points.Whole(1), 50}}}},
		{Category: "好人好事", Item: "拾金不昧（按金额所到的一档，一次计）", Spec: Spec{Shape: Amount, Unit: "元", Whole: true,
			Bands: []Band{{From: points.Whole(100), Points: points.Whole(2)}, {From: points.Whole(1000), Points: points.Whole(5)}, {From: points.Whole(5000), Points: points.Whole(10)}}}},
		{Category: "人居环境", Item: "庭院检查（满分倒扣，扣完为止，每季度一次）", Spec: Spec{Shape: Block, Points: points.Whole(10), Less: points.Whole(2), Caps: []Cap{{Per: PerQuarter, Times: 1}}}},
		{Category: "基础", Item: "年度基础分（每年度开始时给一次，不可兑换）", Spec: Spec{Shape: Base, Points: points.Whole(100), ScoreOnly: true}},
		{Category: "底线", Item: "参与邪教活动（一票否决）", Spec: Spec{Shape: Grade, Lowers: true, Veto: true}},
		{Category: "底线", Item: "拒不改正违法行为（直接定级）", Spec: Spec{Shape: Grade, Lowers: true, Grade: "不合格"}},
		{Category: "崇学", Item: "学生获校级表彰（与下一条只计最高的）", Spec: school},
		{Category: "崇学", Item: "学生获县级表彰（与上一条只计最高的）", Spec: county},
		{Category: "文明新风", Item: "大操大办酒席（扣户主）", Spec: drink},
		{Category: "村务参与", Item: "全家参加村民大会（每名成员都记，全户每月封顶）", Spec: meeting},
		{Category: "学习培训", Item: "参加农技培训（本人和全户都记）", Spec: train},
	}
	for i := range out {
		r := &out[i]
		r.Code = fmt.Sprintf("%03d", i+1)
		switch r.Subject = Household; {
		case asset == ledger.PartyScore:
			r.Subject, r.Spec.Credit = Member, CreditSubject
			for j := range r.Spec.Caps {
				r.Spec.Caps[j].Who = WhoSubject
			}
		case r.Spec.Credit == CreditHead || r.Spec.Credit == CreditMembers:
			r.Subject = Person
		}
	}
	return out
}

// exampleTerms are limits as a township's book might contain them.
var exampleTerms = Terms{
	Limits: []Limit{{Category: "人居环境", Cap: Cap{Per: PerMonth, Points: points.Whole(30)}}, {Cap: Cap{Per: PerMonth, Points: points.Whole(100)}}},
	Own:    Own{Rules: 5, Deducts: 5, Points: points.Whole(2)},
}

// Template writes an empty sheet for a book of the asset, with a page that explains each column and an example of each shape.
func Template(w io.Writer, asset ledger.Asset) error {
	t := xlsx.Template{Name: "积分细则", Heads: heads(asset), Notes: []string{
		"列的先后可以调整，多出来的列不影响导入；表头上面可以有标题行，类别可以合并单元格。加分和扣分分成两列也可以，表头写“加分”“扣分”。",
		"固定：5。每次2分、2分/次 也可以；5分/月 就是每月最多记一次。",
		"区间（干部在范围里选）：2～5，或 2～10（每2分一档），最高5分。",
		"分级（干部选等级）：较轻：-2；较重：-5；严重：-10～-20。县级5分，市级10分 也可以。",
		"累次加重：-5/-10/-15，或 第一次扣5分，第二次扣10分，第三次及以上扣15分。撤销了的不算次数。",
		"再犯加倍：-10，再犯加倍，最多-40。",
		"累计分档（写的是到这一档为止一共多少分，不是每次）：累计满4小时得1；满10小时得2；满20小时得5。",
		"按量：每100元1分；分段写 每100元1分；1000以上部分每400元1分（各段分别算），或 每100元1分；满1000元每100元2分（整个数量都按所到的一段算），" +
			"或 满100元2分；满1000元5分（到了就一次计）。末尾加“，按比例”就不足一份也按比例计。",
		"满分倒扣：满分10，每处-2。扣到 0 为止。",
		"基础分：类型填基础分，分值填 100。每年度只给一次。",
		"直接定级：一票否决，或 定为不合格。",
		"总上限：类型填总上限，类别填某一类（不填就是全书），条目填 本类合计 或 全书合计，上限填 每月最多100分，都按全户合计。",
		"自设条目（只用于乡镇的细则）：类型填自设条目，上限填 最多5条；每次最多2分，或 加分最多5条；扣分最多5条；每次最多2分。",
		"系统看不懂的不会悄悄丢掉：导入结果里会逐行说明哪一部分没有照办、应该怎么写。",
	}}
	for _, r := range examples(asset) {
		t.Examples = append(t.Examples, r.lines()...)
	}
	terms := exampleTerms
	if asset == ledger.PartyScore {
		terms.Own = Own{}
	}
	t.Examples = append(t.Examples, terms.lines()...)
	if err := xlsx.WriteTemplate(w, t); err != nil {
		return fmt.Errorf("writing the template of a rule book: %w", err)
	}
	return nil
}
