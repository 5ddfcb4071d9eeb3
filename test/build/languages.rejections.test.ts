/** Rejected promises that nobody handles: what Node ends a function for, and what it does not. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { FunctionSpec } from '../../src/invocation.ts'
import { javascriptFunction } from '../support/build-cache.ts'
import { failureOf, payloadText, testRuntime, type TestRuntime } from '../support/runtime.ts'

const shared = `
  const later = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
  const bad = async (ms) => { if (ms) await later(ms); throw new RangeError('bad') }
  class Service { async save({ id } = {}, ...rest) { await null; throw new RangeError('bad') } }`

/** Each fails the invocation, whatever the handler answers. */
const unhandled: [name: string, body: string][] = [
  ['an async function that is not waited for', 'bad(); return 1'],
  ['one that fails later', 'bad(1); await later(20); return 1'],
  [
    'one that fails after many awaits',
    '(async () => { for (let n = 0; n < 50; n++) await n; await bad() })(); return 1',
  ],
  ['a method', 'new Service().save({ id: 1 }, 2); return 1'],
  ['a callback of forEach', '[1].forEach(async () => { await null; throw new RangeError("bad") }); return 1'],
  ['a callback of a timer', 'setTimeout(async () => { throw new RangeError("bad") }, 1); await later(10); return 1'],
  ['one that another one returns', 'const outer = async () => bad(); outer(); return 1'],
  ['Promise.all', 'Promise.all([bad(), bad()]); return 1'],
  ['Promise.reject', 'Promise.reject(new RangeError("bad")); return 1'],
  [
    'new Promise',
    'new Promise((_, reject) => setTimeout(reject, 1, new RangeError("bad"))); await later(10); return 1',
  ],
  ['Promise.withResolvers', 'Promise.withResolvers().reject(new RangeError("bad")); return 1'],
  ['then', 'Promise.resolve().then(() => { throw new RangeError("bad") }); return 1'],
  ['then with two callbacks', 'Promise.resolve().then((x) => { throw new RangeError("bad") }, (e) => e); return 1'],
  ['finally', 'bad().finally(() => {}); return 1'],
  ['one that is handled only in a later turn', 'const p = bad(); await later(1); await p.catch(() => {}); return 1'],
  ['a rejection that a handler without a promise leaves', 'bad()'],
]

/** None of these fails. */
const handled: [name: string, body: string, value: unknown][] = [
  ['try', 'try { await bad() } catch (error) { return error.name }', 'RangeError'],
  ['a later await in the same turn', 'const p = bad(); await null; await null; try { await p } catch { return 2 }', 2],
  ['catch', 'return bad().catch((error) => error.name)', 'RangeError'],
  ['finally that answers', 'try { await bad() } finally { return 3 }', 3],
  [
    'Promise.all, of which two fail',
    'try { await Promise.all([bad(), bad(1), bad()]) } catch { await later(5); return 4 }',
    4,
  ],
  ['Promise.race', 'try { await Promise.race([bad(), bad(1)]) } catch { await later(5); return 5 }', 5],
  ['Promise.any', 'return Promise.any([bad(), later(1)]).then(() => 6)', 6],
  [
    'Promise.allSettled',
    'return (await Promise.allSettled([bad(), bad(1)])).map(({ status }) => status)',
    ['rejected', 'rejected'],
  ],
  ['what another one returns', 'const outer = async () => bad(); return outer().catch(() => 7)', 7],
  ['for await', 'try { for await (const x of [bad()]) x } catch { return 8 }', 8],
  ['a subclass', 'class Own extends Promise {} try { await new Own((_, reject) => reject(1)) } catch { return 9 }', 9],
  ['one that is still under way', 'bad(500); return 10', 10],
  [
    'thousands of promises that nobody waits for',
    'for (let n = 0; n < 5_000; n++) Promise.resolve(n).then(() => {}); return 11',
    11,
  ],
  [
    'then of a promise that was handled',
    'const p = bad(); p.catch(() => {}); await later(1); return p.then(null, () => 12)',
    12,
  ],
  ['a fetch that fails', 'try { await fetch("http://nowhere.test/") } catch { await later(5); return 13 }', 13],
  [
    'a fetch that is aborted before it is sent',
    'const signal = AbortSignal.abort(); try { await fetch("http://nowhere.test/", { signal }) } catch { await later(5); return 14 }',
    14,
  ],
  [
    'a signal that aborts what nobody waits for any more',
    'const c = new AbortController(); const p = fetch("http://nowhere.test/", { signal: c.signal }).catch(() => 15); c.abort(); return p',
    15,
  ],
]

let runtime: TestRuntime
let plain: FunctionSpec
let withStorage: FunctionSpec
beforeAll(async () => {
  runtime = await testRuntime()
  const handlers = [...unhandled, ...handled].map(([name, body]) => {
    return `${JSON.stringify(name)}: ${body === 'bad()' ? '' : 'async '}() => { ${body} }`
  })
  const cases = `${shared}\nconst cases = {\n${handlers.join(',\n')}\n}\nexport const handler = (event) => cases[event.name]()`
  plain = await runtime.deploy(javascriptFunction(cases))
  // Here async functions are lowered (docs/web-apis.md).
  const storage = `import { AsyncLocalStorage } from 'node:async_hooks'\nglobalThis.storage = new AsyncLocalStorage()\n${cases}`
  withStorage = await runtime.deploy(javascriptFunction(storage))
}, 240_000)
afterAll(() => runtime[Symbol.asyncDispose]())

test.each(unhandled)('%s: the function fails', async (name) => {
  for (const spec of [plain, withStorage]) {
    const failure = failureOf(await runtime.invoke(spec, JSON.stringify({ name })))
    expect(failure).toMatchObject({ errorType: 'Runtime.UnhandledPromiseRejection', errorMessage: 'RangeError: bad' })
  }
})

test.each(handled)('%s: the function goes on', async (name, _, value) => {
  for (const spec of [plain, withStorage]) {
    expect(JSON.parse(payloadText(await runtime.invoke(spec, JSON.stringify({ name }))))).toEqual(value)
  }
})

test('the trace is Lambda’s first line and the author’s places', async () => {
  const { trace } = failureOf(await runtime.invoke(plain, JSON.stringify({ name: unhandled[0]?.[0] })))
  expect(trace?.slice(0, 3)).toEqual([
    'Runtime.UnhandledPromiseRejection: RangeError: bad',
    expect.stringMatching(/^ {4}at bad \(\/var\/task\/index\.mjs:3:\d+\)$/),
    expect.stringMatching(/^ {4}at \/var\/task\/index\.mjs:6:\d+$/),
  ])
})

test('instances come back clean', () => {
  expect(runtime.impurities).toEqual([])
})
