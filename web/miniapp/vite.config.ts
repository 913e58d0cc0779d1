import { defineConfig } from 'vite'
import plugin from '@dcloudio/vite-plugin-uni'

// In an ES module the plugin arrives wrapped.
const uni = (plugin as unknown as { default?: typeof plugin }).default ?? plugin

export default defineConfig({
  plugins: [uni()],
  // WeChat's older base libraries and village phones: nothing newer than ES2015 may be in the output.
  build: { target: 'es2015' },
})
