import { defineConfig } from 'vitest/config'

// Apart from vite.config.ts: what is tested here is plain TypeScript, without the framework's compiler.
export default defineConfig({ test: { include: ['test/**/*.test.ts'], setupFiles: ['test/uni.ts'] } })
