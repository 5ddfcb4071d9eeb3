/** What must not be frozen into a snapshot: randomness, clocks, the environment. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { assemblyscriptGuest, javascriptGuest, watGuest, withText } from '../support/guests.ts'
import { payloadText, testRuntime, type TestRuntime } from '../support/runtime.ts'
import { functionCanary, javascriptHoarder, placeholder } from './support.ts'

let runtime: TestRuntime
beforeAll(async () => {
  runtime = await testRuntime()
})
afterAll(() => runtime[Symbol.asyncDispose]())

describe('randomness comes once only', () => {
  test('in JavaScript, between invocations, instances and functions', async () => {
    const component = await javascriptGuest('random')
    const functions = [
      await runtime.deploy(component),
      await runtime.deploy(component),
      await runtime.deploy(withText(component, placeholder, functionCanary(1))),
    ]
    const seen: string[] = []
    for (let round = 0; round < 20; round++) {
      // Several at a time, so that warm, restored and cold instances all take part.
      const results = await Promise.all(functions.flatMap((spec) => [runtime.invoke(spec), runtime.invoke(spec)]))
      for (const result of results) {
        const values: unknown[] = JSON.parse(payloadText(result))
        seen.push(...values.map(String))
      }
    }
    expect(seen).toHaveLength(20 * 6 * 4)
    expect(new Set(seen).size).toBe(seen.length)
  })

  test('in AssemblyScript', async () => {
    const spec = await runtime.deploy(await assemblyscriptGuest('random'))
    const seen: string[] = []
    for (let round = 0; round < 50; round++) seen.push(...payloadText(await runtime.invoke(spec)).split(' '))
    expect(new Set(seen).size).toBe(100)
  })

  test('in any component', async () => {
    const spec = await runtime.deploy(await watGuest('random-bytes'))
    const seen = new Set<string>()
    for (let round = 0; round < 50; round++) {
      const { outcome } = await runtime.invoke(spec)
      if (outcome.kind === 'success') seen.add(Buffer.from(outcome.payload).toString('hex'))
    }
    expect(seen.size).toBe(50)
  })
})

interface Live {
  atInit: { now: number; environment: string | null }
  now: number
  performance: number
  environment: string | null
  left: number
  requestId: string
}

describe('an invocation sees the present', () => {
  let component: Uint8Array
  beforeAll(async () => {
    component = await javascriptGuest('live')
  })

  async function look(environment: Record<string, string>, requestId = 'a-request'): Promise<Live> {
    const spec = await runtime.deploy(component, { environment, timeoutMs: 5_000 })
    const live: Live = JSON.parse(payloadText(await runtime.invoke(spec, '{}', { requestId })))
    return live
  }

  test('the clock', async () => {
    const before = Date.now()
    const first = await look({})
    const second = await look({})
    const after = Date.now()
    expect(first.now).toBeGreaterThanOrEqual(before)
    expect(second.now).toBeGreaterThanOrEqual(first.now)
    expect(second.now).toBeLessThanOrEqual(after)
    // Each counts from its own first look.
    for (const { performance } of [first, second]) {
      expect(performance).toBeGreaterThanOrEqual(0)
      expect(performance).toBeLessThan(5_000)
    }
    // Init was when the component was built.
    expect(first.atInit.now).toBeLessThan(before)
  })

  test('its own deadline and request', async () => {
    const { left, requestId } = await look({}, 'another-request')
    expect(left).toBeGreaterThan(0)
    expect(left).toBeLessThanOrEqual(5_000)
    expect(requestId).toBe('another-request')
  })

  test('its own environment, which init never saw', async () => {
    expect(await look({ LIVE: 'one' })).toMatchObject({ environment: 'one', atInit: { environment: null } })
    expect(await look({ LIVE: 'two' })).toMatchObject({ environment: 'two', atInit: { environment: null } })
    expect(await look({})).toMatchObject({ environment: null })
  })

  test('and an environment that a guest has changed is back for the next', async () => {
    const guest = javascriptHoarder(0)
    const spec = await runtime.deploy(guest.code, { environment: { STAIN: 'configured' } })
    const expected = guest.pristine.replace('"environment":null', '"environment":"configured"')
    for (let round = 0; round < 3; round++)
      expect(payloadText(await runtime.invoke(spec, guest.event('return', 'changed')))).toBe(expected)
  })
})
