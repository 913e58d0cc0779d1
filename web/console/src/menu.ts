import {
  Calendar, Coin, DataAnalysis, Document, EditPen, Files, Finished, Flag, Goods, House, Key, Location, Medal, Postcard, Present, Setting, Shop, User, UserFilled,
} from '@element-plus/icons-vue'
import type { Component } from 'vue'

export interface MenuItem {
  path: string
  title: string
  icon: Component
  need?: string // a permission
  wide?: boolean // only for whom several villages are in reach
}

// Menu is the side bar, in the order of a working day.
export const menu: { title: string; items: MenuItem[] }[] = [
  {
    title: '日常',
    items: [
      { path: '/', title: '首页', icon: House },
      { path: '/award', title: '加减分', icon: EditPen, need: 'award.write' },
      { path: '/awards', title: '加减分记录', icon: Document, need: 'award.read' },
      { path: '/boards', title: '积分榜', icon: Medal, need: 'board.read' },
    ],
  },
  {
    title: '村民',
    items: [
      { path: '/households', title: '户与村民', icon: User, need: 'people.read' },
      { path: '/roster', title: '导入花名册', icon: Files, need: 'people.write' },
      { path: '/cards', title: '户卡', icon: Postcard, need: 'card.write' },
      { path: '/party', title: '党员积分', icon: Flag, need: 'party.read' },
      { path: '/evaluations', title: '党员考评', icon: Finished, need: 'party.read' },
    ],
  },
  {
    title: '兑换',
    items: [
      { path: '/proxy', title: '代办兑换', icon: Present, need: 'redeem.proxy' },
      { path: '/redemptions', title: '兑换记录', icon: Coin, need: 'redeem.read' },
      { path: '/merchants', title: '商户', icon: Shop, need: 'merchant.read' },
      { path: '/goods', title: '可兑商品', icon: Goods, need: 'merchant.read' },
    ],
  },
  {
    title: '管理',
    items: [
      { path: '/rules', title: '积分细则', icon: Calendar, need: 'rule.read' },
      { path: '/township', title: '各村对比', icon: DataAnalysis, need: 'award.read', wide: true },
      { path: '/regions', title: '村和组', icon: Location, need: 'region.read' },
      { path: '/settings', title: '村设置', icon: Setting, need: 'region.read' },
      { path: '/users', title: '账号', icon: UserFilled, need: 'user.read' },
      { path: '/audit', title: '操作记录', icon: Key, need: 'audit.read' },
    ],
  },
]
