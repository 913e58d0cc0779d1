import 'element-plus/theme-chalk/base.css'
import 'element-plus/theme-chalk/el-message.css'
import 'element-plus/theme-chalk/el-message-box.css'
import 'element-plus/theme-chalk/el-button.css'
import 'element-plus/theme-chalk/el-input.css'
import 'element-plus/theme-chalk/el-overlay.css'
import './styles/theme.css'
import './styles/layout.css'
import { createPinia } from 'pinia'
import { createApp } from 'vue'
import { onLoggedOut } from '@/api/client'
import { useSession } from '@/stores/session'
import App from './App.vue'
import { router } from './router'

const app = createApp(App)
app.use(createPinia())
app.use(router)

onLoggedOut(() => {
  const here = router.currentRoute.value
  useSession().clear()
  if (!here.meta.open) void router.push({ path: '/login', query: { to: here.fullPath } })
})

app.mount('#app')
