// The filters that somebody has set and wants again: kept in this browser, for each account and each list by itself.
export interface SavedFilter {
  name: string
  values: Record<string, string>
}

export const mostFilters = 8

const slot = (account: string, list: string) => `jishan.filters.${account}.${list}`

export function savedFilters(account: string, list: string): SavedFilter[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(slot(account, list)) ?? '[]')
    if (!Array.isArray(kept)) return []
    return kept.filter((f): f is SavedFilter => typeof f?.name === 'string' && typeof f.values === 'object' && f.values !== null).slice(0, mostFilters)
  } catch {
    return []
  }
}

// saveFilter keeps the values under a name, in place of what had the name; the oldest gives way.
export function saveFilter(account: string, list: string, filter: SavedFilter): SavedFilter[] {
  return write(account, list, [...savedFilters(account, list).filter((f) => f.name !== filter.name), filter].slice(-mostFilters))
}

export function dropFilter(account: string, list: string, name: string): SavedFilter[] {
  return write(account, list, savedFilters(account, list).filter((f) => f.name !== name))
}

function write(account: string, list: string, all: SavedFilter[]): SavedFilter[] {
  localStorage.setItem(slot(account, list), JSON.stringify(all))
  return all
}
