// What a key of the number pad makes of what stands there.

/** `text` after pressing `key`: a digit, the point, ← or 清空. At most two places and `max` characters. */
export function typed(text: string, key: string, max: number): string {
  if (key === '清空') return ''
  if (key === '←') return text.slice(0, -1)
  if (key === '.') {
    if (text.indexOf('.') >= 0 || text.length >= max) return text
    return (text || '0') + '.'
  }
  if (text.length >= max || /\.\d\d$/.test(text)) return text
  return text + key
}

/** The amount that the text of a pad stands for; 0 for none. */
export function amount(text: string): number {
  return Math.round(Number(text || '0') * 100) / 100
}
