import { createRouter, createWebHistory, type RouteRecordRaw } from 'vue-router'
import { usePlace } from '@/stores/place'
import { useSession } from '@/stores/session'
import MissingView from '@/views/MissingView.vue'

declare module 'vue-router' {
  interface RouteMeta {
    title: string
    need?: string // a permission without which the screen is not shown
    bare?: boolean // without side bar: log-in and printed pages
    open?: boolean // without log-in
  }
}

const routes: RouteRecordRaw[] = [
  { path: '/login', component: () => import('@/views/LoginView.vue'), meta: { title: '登录', bare: true, open: true } },
  { path: '/', component: () => import('@/views/home/HomeView.vue'), meta: { title: '首页' } },
  { path: '/award', component: () => import('@/views/award/AwardDesk.vue'), meta: { title: '加减分', need: 'award.write' } },
  { path: '/awards', component: () => import('@/views/award/AwardList.vue'), meta: { title: '加减分记录', need: 'award.read' } },
  { path: '/households', component: () => import('@/views/people/HouseholdList.vue'), meta: { title: '户与村民', need: 'people.read' } },
  { path: '/households/:id', component: () => import('@/views/people/HouseholdView.vue'), meta: { title: '一户', need: 'people.read' } },
  { path: '/grids', component: () => import('@/views/admin/GridsView.vue'), meta: { title: '网格', need: 'people.write' } },
  { path: '/roster', component: () => import('@/views/people/RosterImport.vue'), meta: { title: '导入花名册', need: 'people.write' } },
  { path: '/cards', component: () => import('@/views/people/CardsView.vue'), meta: { title: '户卡', need: 'card.write' } },
  { path: '/boards', component: () => import('@/views/boards/BoardsView.vue'), meta: { title: '积分榜', need: 'board.read' } },
  { path: '/party', component: () => import('@/views/party/PartyView.vue'), meta: { title: '党员积分', need: 'party.read' } },
  { path: '/party/:id', component: () => import('@/views/party/MemberView.vue'), meta: { title: '一位党员', need: 'party.read' } },
  { path: '/evaluations', component: () => import('@/views/party/EvaluationList.vue'), meta: { title: '党员季度考评', need: 'party.read' } },
  { path: '/evaluations/:id', component: () => import('@/views/party/EvaluationView.vue'), meta: { title: '一次考评', need: 'party.read' } },
  { path: '/proxy', component: () => import('@/views/redeem/ProxyView.vue'), meta: { title: '代办兑换', need: 'redeem.proxy' } },
  { path: '/redemptions', component: () => import('@/views/redeem/RedemptionList.vue'), meta: { title: '兑换记录', need: 'redeem.read' } },
  { path: '/merchants', component: () => import('@/views/redeem/MerchantList.vue'), meta: { title: '商户', need: 'merchant.read' } },
  { path: '/merchants/:id', component: () => import('@/views/redeem/MerchantView.vue'), meta: { title: '一个商户', need: 'merchant.read' } },
  { path: '/goods', component: () => import('@/views/redeem/GoodsView.vue'), meta: { title: '可兑商品', need: 'merchant.read' } },
  { path: '/rules', component: () => import('@/views/rules/RuleBooks.vue'), meta: { title: '积分细则', need: 'rule.read' } },
  { path: '/rules/compare/:ids', component: () => import('@/views/rules/RuleCompare.vue'), meta: { title: '比较两版细则', need: 'rule.read' } },
  { path: '/rules/:id/trial', component: () => import('@/views/rules/RuleTrial.vue'), meta: { title: '试算一版细则', need: 'rule.read' } },
  { path: '/rules/:id', component: () => import('@/views/rules/RuleVersion.vue'), meta: { title: '一版细则', need: 'rule.read' } },
  { path: '/township', component: () => import('@/views/admin/TownshipView.vue'), meta: { title: '各村对比', need: 'award.read' } },
  { path: '/regions', component: () => import('@/views/admin/RegionsView.vue'), meta: { title: '村和组', need: 'region.read' } },
  { path: '/settings', component: () => import('@/views/admin/SettingsView.vue'), meta: { title: '村设置', need: 'region.read' } },
  { path: '/users', component: () => import('@/views/admin/UserList.vue'), meta: { title: '账号', need: 'user.read' } },
  { path: '/audit', component: () => import('@/views/admin/AuditView.vue'), meta: { title: '操作记录', need: 'audit.read' } },
  { path: '/print/cards', component: () => import('@/views/print/CardsPrint.vue'), meta: { title: '打印户卡', need: 'card.write', bare: true } },
  { path: '/print/statement/:id', component: () => import('@/views/print/StatementPrint.vue'), meta: { title: '打印积分明细', need: 'people.read', bare: true } },
  { path: '/print/board', component: () => import('@/views/print/BoardPrint.vue'), meta: { title: '打印榜单', need: 'board.read', bare: true } },
  { path: '/print/evaluation/:id', component: () => import('@/views/print/EvaluationPrint.vue'), meta: { title: '打印考核表', need: 'party.read', bare: true } },
  { path: '/print/receipt/:village/:number', component: () => import('@/views/print/ReceiptPrint.vue'), meta: { title: '打印兑换凭证', need: 'redeem.read', bare: true } },
  { path: '/account', component: () => import('@/views/AccountView.vue'), meta: { title: '我的账号' } },
  { path: '/:rest(.*)*', component: MissingView, meta: { title: '没有这个页面' } },
]

export const router = createRouter({
  history: createWebHistory('/admin/'),
  routes,
  scrollBehavior: (_to, _from, saved) => saved ?? { top: 0 },
})

router.beforeEach(async (to) => {
  const session = useSession()
  if (!session.me) {
    try {
      await session.load()
    } catch {
      session.clear()
    }
    if (session.me) await usePlace().load()
  }
  if (to.meta.open) return session.me && to.path === '/login' ? '/' : true
  if (!session.me) return { path: '/login', query: to.fullPath === '/' ? {} : { to: to.fullPath } }
  if (session.me.must_change && to.path !== '/account') return '/account'
  return true
})

router.afterEach((to) => {
  document.title = `${to.meta.title} · 积善`
})
