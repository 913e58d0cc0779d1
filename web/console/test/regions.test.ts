import { expect, it } from 'vitest'
import { nextCode } from '@/views/admin/regions'

it('gives a new group the code after the last one of its village', () => {
  expect(nextCode('439900100201', [])).toBe('43990010020101')
  expect(nextCode('439900100201', ['43990010020101', '43990010020109', '4399001002', '43990010020288'])).toBe('43990010020110')
})
