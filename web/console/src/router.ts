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
