import { onMounted, ref, shallowRef, watch, type WatchSource } from 'vue'
import { ApiError } from '@/api/client'

export function messageOf(e: unknown): string {
  return e instanceof ApiError ? e.message : '出了点问题，请刷新页面再试'
}

// useLoad runs a request now and whenever a source changes; only the latest answer counts.
export function useLoad<T>(run: () => Promise<T>, sources: WatchSource[] = []) {
  const data = shallowRef<T>()
  const error = ref('')
  const loading = ref(true)
  let turn = 0
  async function reload() {
    const mine = ++turn
    loading.value = true
    error.value = ''
    try {
      const answer = await run()
      if (mine === turn) data.value = answer
    } catch (e) {
      if (mine === turn) error.value = messageOf(e)
    } finally {
      if (mine === turn) loading.value = false
    }
  }
  onMounted(reload)
  if (sources.length) watch(sources, reload)
  return { data, error, loading, reload }
}

export interface PageOf<T> {
  items: T[]
  next?: string
}

// usePager walks a list by the server's cursors. Sources are its filters: when one changes it begins anew.
export function usePager<T>(fetch: (cursor: string | undefined) => Promise<PageOf<T>>, sources: WatchSource[] = []) {
  const items = shallowRef<T[]>([])
  const error = ref('')
  const loading = ref(true)
  const page = ref(1)
  const more = ref(false)
  let cursors: (string | undefined)[] = [undefined]
  let turn = 0

  async function go(to: number) {
    const mine = ++turn
    loading.value = true
    error.value = ''
    try {
      const answer = await fetch(cursors[to - 1])
      if (mine !== turn) return
      items.value = answer.items
      page.value = to
      more.value = !!answer.next
      cursors = [...cursors.slice(0, to), answer.next]
    } catch (e) {
      if (mine === turn) error.value = messageOf(e)
    } finally {
      if (mine === turn) loading.value = false
    }
  }
  const first = () => {
    cursors = [undefined]
    return go(1)
  }
  onMounted(first)
  if (sources.length) watch(sources, first)
  return { items, error, loading, page, more, first, reload: () => go(page.value), next: () => go(page.value + 1), back: () => go(page.value - 1) }
}
