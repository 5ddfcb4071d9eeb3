import { defineConfig } from 'vitest/config'
import { testCacheDir } from './test/support/cache-dir.ts'

/** Tests of code that runs no guest, maps no memory and starts no process: they share a process, which spares its start. */
const plain = [
  'test/api/**/*.test.ts',
  'test/architecture/*.test.ts',
  'test/bench/*.test.ts',
  'test/build/{rewrite.*,package,guest-globals,instrument,link-plan,async-builtins}.test.ts',
  'test/egress/*.test.ts',
  'test/events/{async,filter,mappings,queues,schedules}/**/*.test.ts',
  'test/functions/**/*.test.ts',
  'test/store/**/*.test.ts',
  'test/wasi/**/*.test.ts',
]

/** Tests of whole servers, whose guests run in the servers' own processes. */
const servers = [
  'test/cli/*.test.ts',
  'test/e2e/**/*.test.ts',
  'test/examples/*.test.ts',
  'test/identity/*.test.ts',
  'test/worker/{edge,routes}/*.test.ts',
]

export default defineConfig({
  test: {
    // Builds of components take seconds on two cores; a hang is still an error.
    testTimeout: 60_000,
    hookTimeout: 180_000,
    maxWorkers: 2,
    // The commands that tests start share it with the servers that tests start (testCacheDir).
    env: { THAW_CACHE: testCacheDir },
    pool: 'forks',
    projects: [
      { extends: true, test: { name: 'plain', include: plain, isolate: false } },
      { extends: true, test: { name: 'servers', include: servers, isolate: false } },
      {
        extends: true,
        test: {
          name: 'guests',
          include: ['test/**/*.test.ts'],
          exclude: [...plain, ...servers],
          // Guests run in JSPI stacks and files are mapped over Wasm memories: a process a file keeps them apart.
          isolate: true,
        },
      },
    ],
  },
})
