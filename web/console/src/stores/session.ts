import { defineStore } from 'pinia'
import { computed, ref } from 'vue'
import { api, must, type Schemas } from '@/api/client'
import { forget, keep, stored } from '@/api/tokens'

// Session is who has logged in and what they may do.
export const useSession = defineStore('session', () => {
  const me = ref<Schemas['Me']>()
  const roles = computed(() => me.value?.roles ?? [])

  // may reports whether some role carries the permission; the server judges every request again, by region.
  const may = (permission: string) => me.value?.permissions.includes(permission) ?? false

  async function load() {
    me.value = stored() ? await must(api.GET('/api/v1/auth/me')) : undefined
  }

  async function login(login: string, password: string) {
    keep(await must(api.POST('/api/v1/auth/login', { body: { audience: 'officer', login, password } })))
    await load()
  }

  async function pretend(login: string) {
    keep(await must(api.POST('/api/v1/auth/demo', { body: { audience: 'officer', login } })))
    await load()
  }

  async function logout() {
    try {
      await must(api.POST('/api/v1/auth/logout'))
    } finally {
      clear()
    }
  }

  function clear() {
    forget()
    me.value = undefined
  }

  return { me, roles, may, load, login, pretend, logout, clear }
})
