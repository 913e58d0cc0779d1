// When a code on the screen is to be replaced.

const margin = 15000 // long enough for a clerk's scan that began in the last moment
const least = 3000

/** Milliseconds until the next code, from when this one ends and the server's time now. */
export function renewIn(expires: number, now: number): number {
  return Math.max(least, expires - now - margin)
}
