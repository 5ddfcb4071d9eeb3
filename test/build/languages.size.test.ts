/** What the web APIs cost a function: nothing if it does not use them, and never more than a snapshot may have. */
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { javascriptFunction } from '../support/build-cache.ts'
import { snapshotPaths } from '../../src/snapshot/manifest.ts'
import { testRuntime, type TestRuntime } from '../support/runtime.ts'

let runtime: TestRuntime
beforeAll(async () => {
  runtime = await testRuntime()
})
afterAll(() => runtime[Symbol.asyncDispose]())

const pageBytes = 4_096
const echo = 'export const handler = async (event) => event'

/** Pages that are not all zeros: what the image holds on disk, and in memory once all of it was touched. */
async function storedBytes(source: string): Promise<number> {
  const spec = await runtime.deploy(javascriptFunction(source))
  const image = readFileSync(snapshotPaths(runtime.artifactsDir, spec.snapshot).image)
  const zeros = Buffer.alloc(pageBytes)
  let pages = 0
  for (let at = 0; at < image.length; at += pageBytes) if (!image.subarray(at, at + pageBytes).equals(zeros)) pages++
  return pages * pageBytes
}

test('a plain handler pays for none of it: 577 KB without, some MB with it', async () => {
  expect(await storedBytes(echo)).toBeLessThan(640_000)
})

test('a word in a comment, a string or a property is no use of a global', async () => {
  const words = `// new Request(), fetch(), URL
    /** @type {Response} */
    export const handler = async (event) => ({ ...event, Request: 1, text: 'a Response of fetch', file: event.File })`
  expect(await storedBytes(words)).toBeLessThan(640_000)
})

test.each([
  ['called with events', echo],
  ['of fetch style', 'export default { fetch: async (request) => new Response(await request.text()) }'],
])('a function %s with all of it stays within 4 MiB', async (_style, handler) => {
  const everything = `
    import 'node:assert'; import 'node:async_hooks'; import 'node:crypto'; import 'node:events'; import 'node:os'; import 'node:path'
    import 'node:querystring'; import 'node:stream'; import 'node:stream/web'; import 'node:string_decoder'; import 'node:timers/promises'
    import 'node:url'; import 'node:util'
    globalThis.all = [Buffer, CryptoKey, FormData, TextDecoderStream, URLPattern, fetch, navigator, reportError, structuredClone]
    ${handler}`
  expect(await storedBytes(everything)).toBeLessThan(4 * 1_048_576)
})
