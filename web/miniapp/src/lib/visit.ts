// The customer at the counter, handed from the scan to the next page. Kept in memory only: whoever reopens the app scans again.
import type { Schemas } from '../api/client'

let customer: Schemas['Identity'] | null = null

export function receive(c: Schemas['Identity']): void {
  customer = c
}

export const served = () => customer

export function leave(): void {
  customer = null
}
