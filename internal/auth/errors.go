package auth

import "jishan/internal/errs"

// What can go wrong with log-ins, tokens and users.
var (
	ErrStale      = errs.Define(errs.Unavailable, "auth.stale", "您的权限刚刚有变化，请再试一次")
	ErrLogin      = errs.Define(errs.Unauthenticated, "auth.login", "用户名或密码不对，请检查后再试；忘记密码请找管理员重设")
	ErrThrottled  = errs.Define(errs.TooMany, "auth.throttled", "登录失败次数太多，请过一会儿再试")
	ErrDisabled   = errs.Define(errs.Unauthenticated, "auth.disabled", "这个账号已停用，请联系管理员")
	ErrToken      = errs.Define(errs.Unauthenticated, "auth.token", "登录凭证无效，请重新登录")
	ErrExpired    = errs.Define(errs.Unauthenticated, "auth.expired", "登录凭证已过期，请刷新后再试")
	ErrSession    = errs.Define(errs.Unauthenticated, "auth.session", "登录已失效，请重新登录")
	ErrReuse      = errs.Define(errs.Unauthenticated, "auth.reuse", "这次登录的凭证被重复使用，为安全起见已退出，请重新登录")
	ErrMustChange = errs.Define(errs.Forbidden, "auth.must_change", "请先修改初始密码，再做其他事情")
	ErrBusy       = errs.Define(errs.Unavailable, "auth.busy", "现在登录的人太多，请稍等几秒再试")

	ErrPassword      = errs.Define(errs.Invalid, "auth.password_weak", "密码太简单：至少 8 位，要有字母和数字")
	ErrWrongPassword = errs.Define(errs.Refused, "auth.password_wrong", "原密码不对，请重新输入")
	ErrLoginName     = errs.Define(errs.Invalid, "auth.login_name", "登录名须为 2 到 32 位小写字母、数字或 . _ - @，以字母或数字开头")
	ErrName          = errs.Define(errs.Invalid, "auth.name", "请填写姓名，最多 30 个字")
	ErrLoginTaken    = errs.Define(errs.Conflict, "auth.login_taken", "这个登录名已经有人用了，请换一个")
	ErrRoles         = errs.Define(errs.Invalid, "auth.roles", "角色设置有误，请检查角色和所管地区（商户）是否对应")
	ErrRoleReach     = errs.Define(errs.Forbidden, "auth.role_reach", "您不能授予这个角色：只能在自己的管理范围内授予同级或下级角色")
	ErrBeyondReach   = errs.Define(errs.Forbidden, "auth.beyond_reach", "这个账号还有您管理范围以外的角色，请联系上级管理员修改")
	ErrOneself       = errs.Define(errs.Refused, "auth.oneself", "不能停用自己或修改自己的角色，请让另一位管理员操作")
	ErrKind          = errs.Define(errs.Invalid, "auth.kind", "村民不用用户名和密码登录：请用微信或户卡进入")

	ErrBindOften = errs.Define(errs.TooMany, "house.binding_often", "绑定试得太多次了，请过一会儿再试，或请村干部帮忙")
	ErrBindLimit = errs.Define(errs.Refused, "auth.bind_limit", "一个微信号最多绑定 5 户，请先解除不用的绑定")
)
