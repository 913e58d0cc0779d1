import { defineStore } from 'pinia'
import { computed, ref } from 'vue'
import { api, must, type Schemas } from '@/api/client'

type Region = Schemas['Region']

const slot = 'jishan.village'

// Place is where one works: the regions within reach, and the village chosen among them.
export const usePlace = defineStore('place', () => {
  const regions = ref<Region[]>([])
  const chosen = ref('')

  const villages = computed(() => regions.value.filter((r) => r.kind === 'village'))
  const villageID = computed(() => chosen.value)
  const village = computed(() => regions.value.find((r) => r.id === chosen.value))
  const groups = computed(() => regions.value.filter((r) => r.kind === 'group' && r.village === chosen.value && !r.closed))

  async function load() {
    regions.value = (await must(api.GET('/api/v1/regions'))).items
    const before = localStorage.getItem(slot)
    const list = villages.value
    chosen.value = (list.find((v) => v.id === before) ?? list[0])?.id ?? ''
  }

  function choose(id: string) {
    chosen.value = id
    localStorage.setItem(slot, id)
  }

  const name = (id?: string) => regions.value.find((r) => r.id === id)?.name ?? ''

  return { regions, villages, villageID, village, groups, load, choose, name }
})
