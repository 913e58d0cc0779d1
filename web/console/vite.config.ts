import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import vue from '@vitejs/plugin-vue'
import Components from 'unplugin-vue-components/vite'
import { ElementPlusResolver } from 'unplugin-vue-components/resolvers'
import type { Plugin } from 'vite'
import { defineConfig } from 'vitest/config'

const here = fileURLToPath(new URL('.', import.meta.url))
const dist = resolve(here, '../dist/console')

// The server sends the .gz as it lies there; compressing once at build time costs no request anything.
function gzip(): Plugin {
  return {
    name: 'gzip',
    apply: 'build',
    closeBundle() {
      for (const entry of readdirSync(dist, { recursive: true, withFileTypes: true })) {
        const file = join(entry.parentPath, entry.name)
        if (entry.isFile() && /\.(js|css|svg)$/.test(entry.name)) writeFileSync(file + '.gz', gzipSync(readFileSync(file), { level: 9 }))
      }
    },
  }
}

export default defineConfig({
  base: '/admin/',
  plugins: [vue(), Components({ dts: false, resolvers: [ElementPlusResolver()] }), gzip()],
  resolve: { alias: { '@': resolve(here, 'src'), '@api': resolve(here, '../api') } },
  build: { outDir: dist, emptyOutDir: true, target: 'es2022', chunkSizeWarningLimit: 900 },
  server: { proxy: { '/api': 'http://127.0.0.1:8080', '/docs': 'http://127.0.0.1:8080' } },
  test: { environment: 'happy-dom', include: ['test/**/*.test.ts'] },
})
