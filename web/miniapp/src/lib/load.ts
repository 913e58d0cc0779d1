// Reading what a page shows: loading, failed or there, never stuck.
import { reactive } from 'vue'
import { asFailure, type Failure } from '../api/failure'

export interface Loaded<T> {
  data: T | null
  failure: Failure | null
  loading: boolean
  load: () => Promise<void>
}

/** A reader whose latest call wins. What was there stays on the screen while it is read again. */
export function loader<T>(read: () => Promise<T>): Loaded<T> {
  let turn = 0
  const state = reactive({
    data: null,
    failure: null,
    loading: false,
    load: async () => {
      const mine = ++turn
      state.loading = true
      try {
        const got = await read()
        if (mine !== turn) return
        state.data = got
        state.failure = null
      } catch (e) {
        if (mine === turn) state.failure = asFailure(e)
      }
      if (mine === turn) state.loading = false
    },
  }) as Loaded<T>
  return state
}

/** All pages of a list, at most `most` items. */
export async function everything<T>(page: (cursor: string | undefined) => Promise<{ items: T[]; next?: string }>, most = 500): Promise<T[]> {
  const all: T[] = []
  let cursor: string | undefined
  do {
    const p = await page(cursor)
    all.push(...p.items)
    cursor = p.next
  } while (cursor && all.length < most)
  return all
}
