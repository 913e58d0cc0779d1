import { Document, EditPen, House, User } from '@element-plus/icons-vue'
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
    ],
  },
  {
    title: '村民',
    items: [
      { path: '/households', title: '户与村民', icon: User, need: 'people.read' },
    ],
  },
]
