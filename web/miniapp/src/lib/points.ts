// Points and yuan as people read them. The API sends decimal numbers of at most two places; sums go through whole hundredths.

/** 5, 5.5, 0.05: no trailing zeros. */
export function points(n: number): string {
  return String(Math.round(n * 100) / 100)
}

/** +5 or −3 with a real minus sign, so that a sign never depends on colour. */
export function signed(n: number): string {
  return n < 0 ? '−' + points(-n) : '+' + points(n)
}

/** 12.00 yuan. */
export function yuan(n: number): string {
  return (Math.round(n * 100) / 100).toFixed(2)
}

export function sum(list: number[]): number {
  return list.reduce((s, n) => s + Math.round(n * 100), 0) / 100
}

/** Price times quantity. */
export function times(price: number, quantity: number): number {
  return (Math.round(price * 100) * quantity) / 100
}

/** The pixels of a number that is to fill at most `width`: `wanted` if it fits. A digit is about 0.6 of its height wide. */
export function fit(text: string, wanted: number, width: number): number {
  return Math.floor(Math.min(wanted, width / (Math.max(text.length, 1) * 0.62)))
}
