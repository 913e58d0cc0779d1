import { api, must, type Schemas } from '@/api/client'

// sealOf is what a print of the village carries: its newest day seal, or the newest one at an instant. Rejects where the village is
// not in reach.
export function sealOf(village: string, at?: string): Promise<Schemas['PaperSeal']> {
  return must(api.GET('/api/v1/villages/{id}/seal', { params: { path: { id: village }, query: { at } } }))
}
