import type { Schemas } from '@/api/client'

export type Subject = Schemas['Board']['subject']

export const subjectNames: Record<Subject, string> = { household: '户', person: '个人', member: '党员', branch: '党支部', village: '村' }
export const trends = { up: '升', down: '降', same: '平', new: '新上榜' } as const
