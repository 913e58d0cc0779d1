import { beforeEach, expect, it } from 'vitest'
import { dropFilter, mostFilters, saveFilter, savedFilters } from '@/lib/filters'

beforeEach(() => localStorage.clear())

it('keeps filters for each account and each list by itself', () => {
  saveFilter('a', 'households', { name: '二组', values: { group: '2' } })
  expect(savedFilters('a', 'households')).toEqual([{ name: '二组', values: { group: '2' } }])
  expect(savedFilters('b', 'households')).toEqual([])
  expect(savedFilters('a', 'awards')).toEqual([])
})

it('replaces what has the same name, drops by name, and lets the oldest go', () => {
  saveFilter('a', 'l', { name: '常看', values: { q: '1' } })
  saveFilter('a', 'l', { name: '常看', values: { q: '2' } })
  expect(savedFilters('a', 'l')).toEqual([{ name: '常看', values: { q: '2' } }])
  for (let i = 0; i < mostFilters; i++) saveFilter('a', 'l', { name: `第${i}`, values: {} })
  expect(savedFilters('a', 'l').map((f) => f.name)).toEqual(Array.from({ length: mostFilters }, (_, i) => `第${i}`))
  expect(dropFilter('a', 'l', '第0')).toHaveLength(mostFilters - 1)
})

it('takes what it cannot read as nothing', () => {
  localStorage.setItem('jishan.filters.a.l', '{"x":1}')
  expect(savedFilters('a', 'l')).toEqual([])
  localStorage.setItem('jishan.filters.a.l', '[{"name":1},{"name":"好","values":{}},null]')
  expect(savedFilters('a', 'l')).toEqual([{ name: '好', values: {} }])
  localStorage.setItem('jishan.filters.a.l', 'nonsense')
  expect(savedFilters('a', 'l')).toEqual([])
})
