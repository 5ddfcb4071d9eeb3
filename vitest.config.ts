import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Guests run in JSPI stacks and files are mapped over Wasm memories: a process a file keeps them apart.
    pool: 'forks',
    // Builds of components take seconds on two cores; a hang is still an error.
    testTimeout: 60_000,
    hookTimeout: 180_000,
    maxWorkers: 2,
  },
})
