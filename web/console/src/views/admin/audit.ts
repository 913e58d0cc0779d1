// The areas that the log can be narrowed to. The server names what was done.
export const areaOptions = Object.entries({
  auth: '登录', award: '加减分', card: '户卡', grid: '网格', household: '户', villager: '村民', party: '党员', points: '积分', redeem: '兑换', region: '区划', roster: '花名册',
  rule: '细则', user: '账号', clerk: '店员', village: '村设置', merchant: '商户', product: '商品', stock: '库存', board: '积分榜',
})
