// What was done, in words. Actions are named area.verb by the server; an unknown one shows its area.
const areas: Record<string, string> = {
  auth: '登录', award: '加减分', card: '户卡', grid: '网格', household: '户', villager: '村民', party: '党员', points: '积分', redeem: '兑换', region: '区划', roster: '花名册',
  rule: '细则', user: '账号', clerk: '店员', village: '村设置', merchant: '商户', product: '商品', stock: '库存', board: '积分榜',
}
const actions: Record<string, string> = {
  'auth.login': '登录', 'auth.logout': '退出登录', 'auth.password': '改密码', 'auth.reuse': '登录被作废', 'auth.revoke': '让设备退出', 'award.grant': '加减分', 'award.reverse': '撤销加减分', 'card.issue': '办户卡',
  'card.wrong_pin': '户卡密码错', 'card.pin': '重设户卡密码', 'card.unlock': '解锁户卡', 'card.reprint': '补打户卡', 'household.bind': '绑定手机', 'household.unbind': '解除绑定', 'household.create': '登记户', 'household.update': '修改户',
  'villager.create': '登记村民', 'villager.move': '村民换户', 'villager.phone': '查看手机号', 'villager.update': '修改村民', 'points.expire': '到期清零', 'points.return': '退回清零', 'redeem.refund': '退货',
  'roster.import': '导入花名册', 'rule.adopt': '细则生效', 'user.create': '新建账号', 'village.settings': '改村设置', 'party.exempt': '免考核',
}

export const actionName = (a: string) => actions[a] ?? areas[a.split('.')[0] ?? ''] ?? '其他'
export const areaOptions = Object.entries(areas)
