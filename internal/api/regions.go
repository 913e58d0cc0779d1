package api

import (
	"context"

	"jishan/internal/auth"
	"jishan/internal/id"
	"jishan/internal/ledger"
	"jishan/internal/people"
	"jishan/internal/points"
)

const tagRegions = "区划与设置"

// Region is a county, township, village or group.
type Region struct {
	ID       id.ID  `json:"id"`
	Parent   id.ID  `json:"parent,omitempty"`
	Kind     string `json:"kind" enum:"county,township,village,group"`
	Code     string `json:"code" doc:"区划代码"`
	Name     string `json:"name"`
	Initials string `json:"initials"`
	County   id.ID  `json:"county,omitempty"`
	Township id.ID  `json:"township,omitempty"`
	Village  id.ID  `json:"village,omitempty"`
	Sort     int    `json:"sort"`
	Closed   bool   `json:"closed" doc:"已经撤销的组"`
}

// Regions is a list of regions in order of code.
type Regions struct {
	Items []Region `json:"items"`
}

var regionKinds = words[people.RegionKind]{people.County: "county", people.Township: "township", people.Village: "village", people.Group: "group"}

func regionOut(r people.Region) Region {
	return Region{ID: r.ID, Parent: r.Parent, Kind: regionKinds[r.Kind], Code: r.Code, Name: r.Name, Initials: r.Initials,
		County: r.County, Township: r.Township, Village: r.Village, Sort: r.Sort, Closed: r.Closed}
}

// RegionInput makes a region.
type RegionInput struct {
	Parent id.ID  `json:"parent,omitempty" doc:"上级；新建县时不填"`
	Kind   string `json:"kind" enum:"county,township,village,group"`
	Code   string `json:"code" minLength:"2" maxLength:"24" doc:"区划代码，只用数字"`
	Name   string `json:"name" minLength:"1" maxLength:"30"`
	Sort   int    `json:"sort,omitempty"`
}

// RegionChange renames a region.
type RegionChange struct {
	Name string `json:"name" minLength:"1" maxLength:"30"`
	Sort int    `json:"sort,omitempty"`
}

// GroupState closes a group, or opens it again.
type GroupState struct {
	Closed bool `json:"closed"`
}

// Settings are what a village has decided for itself.
type Settings struct {
	SchemeStart    int    `json:"scheme_start" minimum:"1" maximum:"12" doc:"积分年度从几月开始"`
	CloseDay       int    `json:"close_day" minimum:"0" maximum:"28" doc:"次月几号以前可以补登上月"`
	ExpiryMonths   int    `json:"expiry_months" minimum:"0" maximum:"120" doc:"积分有效几个月，0 为长期有效"`
	ExpiryAuto     bool   `json:"expiry_auto" required:"false" doc:"到期的积分自动清零，不用村干部确认"`
	Shortfall      string `json:"shortfall" enum:"take,refuse,owe" doc:"扣分超过余额时：扣完为止、不让扣、可以欠"`
	OwingLimit     Points `json:"owing_limit" doc:"最多可欠多少积分"`
	MaskNames      bool   `json:"mask_names" doc:"积分榜上姓名打星号"`
	Publish        bool   `json:"publish" required:"false" doc:"不用登录就能查本村的积分榜、日封和每一号账，姓名一律打星号"`
	RedeemMin      Points `json:"redeem_min" doc:"每次兑换至少多少积分"`
	RedeemStep     Points `json:"redeem_step" doc:"每次兑换须为多少的整倍数，0 为不限"`
	RedeemMonthCap Points `json:"redeem_month_cap" doc:"每户每月最多兑换多少，0 为不限"`
	RedeemDays     string `json:"redeem_days" maxLength:"100" doc:"兑换日：空为每天，1,15 为每月几号，w6,w7 为星期几"`
	CardDayCap     Points `json:"card_day_cap" doc:"每户每天凭户卡最多兑换多少，0 为不限"`
}

var shortfalls = words[ledger.Shortfall]{ledger.Take: "take", ledger.Refuse: "refuse", ledger.Owe: "owe"}

func settingsOut(s people.Settings) Settings {
	return Settings{SchemeStart: s.SchemeStart, CloseDay: s.CloseDay, ExpiryMonths: s.ExpiryMonths, ExpiryAuto: s.ExpiryAuto, Shortfall: shortfalls[s.Shortfall],
		OwingLimit: Points(s.OwingLimit), MaskNames: s.MaskNames, Publish: s.Publish, RedeemMin: Points(s.RedeemMin), RedeemStep: Points(s.RedeemStep),
		RedeemMonthCap: Points(s.RedeemMonthCap), RedeemDays: s.RedeemDays, CardDayCap: Points(s.CardDayCap)}
}

func (s *Settings) domain(village id.ID) people.Settings {
	return people.Settings{Village: village, SchemeStart: s.SchemeStart, CloseDay: s.CloseDay, ExpiryMonths: s.ExpiryMonths, ExpiryAuto: s.ExpiryAuto,
		Shortfall: shortfalls.value(s.Shortfall), OwingLimit: points.Amount(s.OwingLimit), MaskNames: s.MaskNames, Publish: s.Publish, RedeemMin: s.RedeemMin.Amount(),
		RedeemStep: s.RedeemStep.Amount(), RedeemMonthCap: s.RedeemMonthCap.Amount(), RedeemDays: s.RedeemDays, CardDayCap: s.CardDayCap.Amount()}
}

// ByID is the input of operations on one thing.
type ByID struct {
	ID Key `path:"id"`
}

func (s *Server) regionOps() {
	register(s, Op{ID: "region-list", Method: "GET", Path: "/regions", Summary: "我能看到的区划", Note: "连同它们的上级，按代码排列。",
		Tag: tagRegions, Perm: auth.RegionRead, Audience: Officers},
		func(ctx context.Context, c *Call, _ *struct{}) (Regions, error) {
			list, err := s.deps.People.Regions(ctx, c.Actor)
			return Regions{mapped(list, regionOut)}, err
		})
	register(s, Op{ID: "region-create", Method: "POST", Path: "/regions", Summary: "新建区划", Tag: tagRegions, Perm: auth.RegionWrite, Audience: Officers},
		func(ctx context.Context, c *Call, in *struct{ Body RegionInput }) (Region, error) {
			b := in.Body
			r, err := s.deps.People.CreateRegion(ctx, c.Actor, people.NewRegion{Parent: b.Parent, Kind: regionKinds.value(b.Kind), Code: b.Code, Name: b.Name, Sort: b.Sort})
			return regionOut(r), err
		})
	registerEmpty(s, Op{ID: "region-update", Method: "PUT", Path: "/regions/{id}", Summary: "给区划改名、排序", Tag: tagRegions, Perm: auth.RegionWrite, Audience: Officers},
		func(ctx context.Context, c *Call, in *struct {
			ByID
			Body RegionChange
		}) error {
			return s.deps.People.RenameRegion(ctx, c.Actor, in.ID.V, in.Body.Name, in.Body.Sort)
		})
	register(s, Op{ID: "region-state", Method: "PUT", Path: "/regions/{id}/state", Summary: "撤销、恢复一个组", Note: "还有户的组不能撤销。撤销的组不再有户进入，以前的记录不变。",
		Tag: tagRegions, Perm: auth.RegionWrite, Audience: Officers},
		func(ctx context.Context, c *Call, in *struct {
			ByID
			Body GroupState
		}) (Region, error) {
			r, err := s.deps.People.CloseGroup(ctx, c.Actor, in.ID.V, in.Body.Closed)
			return regionOut(r), err
		})
	register(s, Op{ID: "village-settings", Method: "GET", Path: "/villages/{id}/settings", Summary: "本村设置", Tag: tagRegions, Perm: auth.RegionRead, Audience: Officers},
		func(ctx context.Context, c *Call, in *ByID) (Settings, error) {
			set, err := s.deps.People.Settings(ctx, c.Actor, in.ID.V)
			return settingsOut(set), err
		})
	registerEmpty(s, Op{ID: "village-settings-update", Method: "PUT", Path: "/villages/{id}/settings", Summary: "修改本村设置", Tag: tagRegions, Perm: auth.SettingsWrite, Audience: Officers},
		func(ctx context.Context, c *Call, in *struct {
			ByID
			Body Settings
		}) error {
			return s.deps.People.UpdateSettings(ctx, c.Actor, in.Body.domain(in.ID.V))
		})
}
