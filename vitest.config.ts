import { fileURLToPath } from 'node:url'
import { defineConfig, type ViteUserConfig } from 'vitest/config'

const src = fileURLToPath(new URL('./src', import.meta.url))

// Tests run on the source. Only test/package.test.ts looks at what is built and packed.
const config: ViteUserConfig = defineConfig({
  resolve: {
    alias: [
      { find: /^spillway$/, replacement: `${src}/index.ts` },
      { find: /^spillway\/(?!package\.json)(.+)$/, replacement: `${src}/$1/index.ts` },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/servers/global-setup.ts'],
    testTimeout: 20_000,
    hookTimeout: 60_000,
    // A test that needs its neighbours, or that leaves mocks behind, is wrong: find it early.
    restoreMocks: true,
    unstubEnvs: true,
    unstubGlobals: true,
    allowOnly: false,
    coverage: { provider: 'v8', include: ['src/**/*.ts'], reporter: ['text', 'html'] },
  },
})

export default config
