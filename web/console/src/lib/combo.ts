// The state of a search box with a list below it, driven by keys alone. No DOM here: PickBox.vue shows it.
//
// Officers type faster than answers arrive. Enter pressed while an answer is under way is remembered and picks the first of
// what arrives for the text as it then stands.
import { ref, shallowRef } from 'vue'

export interface ComboOptions<T> {
  search: (text: string) => Promise<T[]>
  pick: (item: T) => void
  wait?: number // milliseconds of silence before asking
  emptyToo?: boolean // ask for the empty text too: what is used most
}

export function useCombo<T>(o: ComboOptions<T>) {
  const text = ref('')
  const items = shallowRef<T[]>([])
  const at = ref(0)
  const open = ref(false)
  const busy = ref(false)
  const failed = ref('')
  let turn = 0
  let timer: ReturnType<typeof setTimeout> | undefined
  let answered = '\u0000' // the text that items answer
  let wanted = false

  async function ask() {
    const mine = ++turn
    const asked = text.value.trim()
    busy.value = true
    failed.value = ''
    try {
      const found = await o.search(asked)
      if (mine !== turn) return
      items.value = found
      at.value = 0
      answered = asked
      if (wanted) {
        wanted = false
        take()
      }
    } catch (e) {
      if (mine !== turn) return
      items.value = []
      answered = asked
      wanted = false
      failed.value = e instanceof Error ? e.message : String(e)
    } finally {
      if (mine === turn) busy.value = false
    }
  }

  function later() {
    clearTimeout(timer)
    if (!text.value.trim() && !o.emptyToo) {
      turn++
      busy.value = false
      items.value = []
      answered = ''
      return
    }
    timer = setTimeout(ask, o.wait ?? 120)
  }

  function type(value: string) {
    text.value = value
    wanted = false
    open.value = true
    later()
  }

  function focus() {
    open.value = true
    if (answered !== text.value.trim() && (o.emptyToo || text.value.trim())) void ask()
  }

  function take(item = items.value[at.value]) {
    if (item === undefined) return false
    clear()
    o.pick(item)
    return true
  }

  // enter picks; where the answer to what is typed has not arrived yet, it picks as soon as it has. False: nothing to pick.
  function enter(): boolean {
    if (!text.value.trim() && !open.value) return false
    if (answered === text.value.trim()) return take()
    if (!text.value.trim() && !o.emptyToo) return false
    wanted = true
    clearTimeout(timer)
    void ask()
    return true
  }

  function move(by: number) {
    open.value = true
    const n = items.value.length
    if (n) at.value = (at.value + by + n) % n
  }

  function clear() {
    clearTimeout(timer)
    turn++
    text.value = ''
    items.value = []
    answered = '\u0000'
    at.value = 0
    wanted = false
    busy.value = false
    open.value = false
    failed.value = ''
  }

  return { text, items, at, open, busy, failed, type, focus, enter, move, take, clear }
}
