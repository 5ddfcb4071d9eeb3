/** wasi:io/poll over all there is to wait for: time, bytes, room, and answers. */
import { describe, expect, test, vi } from 'vitest'
import { InvocationAborted } from '../../src/wasi/errors.ts'
import { TestExchange, TestSink } from './bodies.ts'
import { handleIn, HttpGuest } from './http-support.ts'

const HOUR = 3_600_000_000_000n

/** Pollables of a request's body, of a response's, of an answer, and of an hour. */
function waiting(options: ConstructorParameters<typeof HttpGuest>[0] = {}) {
  const sink = new TestSink(0)
  const guest = new HttpGuest({ ...options, exchange: new TestExchange({}, sink) })
  const { request, responseOut } = guest.opened()
  const incoming = guest.made('[method]incoming-request.consume', request)
  const input = guest.made('[method]incoming-body.stream', incoming)
  const { response, stream: output } = guest.response()
  guest.http('[static]response-outparam.set', responseOut, { tag: 'ok', val: response })
  const future = handleIn(guest.send(guest.request()))
  const pollables = [
    guest.timer(HOUR),
    guest.subscribe('input-stream', input),
    guest.subscribe('output-stream', output),
    guest.made('[method]future-incoming-response.subscribe', future),
  ]
  const listeners = () => guest.exchange.body.listeners + sink.listeners
  return { guest, source: guest.exchange.body, sink, input, output, pollables, listeners }
}

describe('poll', () => {
  test.each([
    ['time', undefined, [4]],
    ['bytes', ({ source }: ReturnType<typeof waiting>) => source.push('a'), [1]],
    ['the end of them', ({ source }: ReturnType<typeof waiting>) => source.end(), [1]],
    ['an error', ({ source }: ReturnType<typeof waiting>) => source.fail('aborted'), [1]],
    ['room', ({ sink }: ReturnType<typeof waiting>) => sink.take(1), [2]],
    ['the receiver going', ({ sink }: ReturnType<typeof waiting>) => sink.refuse('aborted'), [2]],
    ['an answer', ({ guest }: ReturnType<typeof waiting>) => guest.egress.last.respond(200), [3]],
  ])('wakes for %s', async (_name, happen, ready) => {
    const waits = waiting()
    const { guest, pollables, listeners } = waits
    // Time stands until the guest waits: a busy machine may be away for longer than the timer runs.
    const clock = vi.spyOn(performance, 'now').mockReturnValue(performance.now())
    const soon = happen === undefined ? [guest.timer(1_000_000n)] : []
    const polling = guest.poll(...pollables, ...soon)
    expect(guest.host.pendingWaits).toBe(1)
    clock.mockRestore()
    happen?.(waits)
    expect(await polling).toEqual(ready)
    expect([listeners(), guest.host.pendingWaits]).toEqual([0, 0])
  })

  test('has one timer, and none once it is over', async () => {
    const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
    const { guest, source, pollables } = waiting()
    const before = timers()
    const polling = guest.poll(...pollables, guest.timer(2n * HOUR))
    expect(timers()).toBe(before + 1)
    source.push('a')
    await polling
    expect(timers()).toBe(before)
  })

  test('tells all that are ready, and does not suspend then', () => {
    const { guest, source, sink, pollables } = waiting()
    source.push('a')
    sink.take(1)
    expect(guest.poll(...pollables)).toEqual([1, 2])
    const [, bytes = 0] = pollables
    expect(guest.poll(bytes, bytes)).toEqual([0, 1])
  })

  test('one pollable twice, and two of one stream, wake together', async () => {
    const { guest, source, input, pollables } = waiting()
    const [, first = 0] = pollables
    const polling = guest.poll(first, first, guest.subscribe('input-stream', input))
    expect(source.listeners).toBe(1)
    source.push('a')
    expect(await polling).toEqual([0, 1, 2])
  })

  test('several waits for one stream are all woken', async () => {
    const { guest, source, pollables } = waiting()
    const [, bytes = 0] = pollables
    const waits = [guest.block(bytes), guest.poll(bytes), guest.block(bytes)]
    source.push('a')
    expect(await Promise.all(waits)).toEqual([undefined, [0], undefined])
    expect(source.listeners).toBe(0)
  })

  test('a wait that is over leaves the others waiting', async () => {
    const { guest, source, pollables } = waiting()
    const [, bytes = 0] = pollables
    const long = guest.block(bytes)
    await guest.poll(bytes, guest.timer(1_000_000n))
    expect([source.listeners, guest.host.pendingWaits]).toEqual([1, 1])
    source.push('a')
    await long
  })

  test('what was woken for and used up by another is waited for again', async () => {
    const { guest, source, input, pollables } = waiting()
    const [, bytes = 0] = pollables
    const polling = guest.poll(bytes)
    source.push('a')
    guest.read(input)
    await expect.poll(() => source.listeners, { interval: 1 }).toBe(1)
    source.push('b')
    expect(await polling).toEqual([0])
  })

  test('a stream whose pollable is open may not be dropped', () => {
    const { guest, input } = waiting()
    expect(() => guest.dropStream('input-stream', input)).toThrow('derived from it')
  })

  test.each(['abort', 'end'])('%s of the invocation rejects, and nothing listens any more', async (how) => {
    const abort = new AbortController()
    const { guest, pollables, listeners } = waiting({ signal: abort.signal })
    const polling = guest.poll(...pollables)
    expect(listeners()).toBe(2)
    if (how === 'abort') abort.abort()
    else guest.host.end()
    await expect(polling).rejects.toThrow(InvocationAborted)
    expect([listeners(), guest.host.pendingWaits]).toEqual([0, 0])
  })
})
