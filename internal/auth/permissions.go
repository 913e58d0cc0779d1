package auth

// PermissionNames are the permissions as docs/permissions.md and screens show them.
var PermissionNames = map[Permission]string{
	Public: "无需登录", Self: "本人资料、密码、登录设备",
	RegionRead: "查看地区和村设置", RegionWrite: "新建、修改地区", SettingsWrite: "修改村设置",
	PeopleRead: "查看户和村民", PeopleWrite: "登记、修改户和村民", PeopleRegroup: "分户、并户",
	RuleRead: "查看积分细则", RuleWrite: "制定、修改积分细则",
	AwardRead: "查看加减分", AwardWrite: "加减分", AwardReverse: "冲正加减分",
	PartyRead: "查看党员积分", PartyWrite: "党员加减分、免考核、季度考核", PartyReport: "替本户党员填季度自评",
	MerchantRead: "查看商户和商品", MerchantWrite: "新建、修改商户和结算比例", ProductWrite: "上架、修改商品和库存", ClerkWrite: "管理本店店员",
	CardWrite: "发户卡、重设户卡密码", RedeemCounter: "柜台核销", RedeemProxy: "代办兑换", RedeemRead: "查看兑换", RedeemRefund: "兑换退款",
	BoardRead: "查看积分榜", UserRead: "查看账号", UserWrite: "新建、停用账号，设置角色", AuditRead: "查看操作记录",
	HouseholdRead: "查看本户积分和明细", HouseholdSpend: "出示兑换码、设置本户密码", HouseholdBind: "绑定本户",
	JobsRun: "运行后台任务",
}
