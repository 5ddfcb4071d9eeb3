/** What every event source promises (src/events/sources/source.ts), against the real server. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { SourceRecord } from '../../../src/events/sources/source.ts'
import { driverAt, numbers, receiveAll, receiveNow, settingsFor, type BrokerHarness } from './harness.ts'
import { startSource } from './start.ts'
import { startProxy, type Proxy } from './proxy.ts'
import { isMissingService } from './services.ts'

export async function describeSource(harness: BrokerHarness): Promise<void> {
  const { name, port, keyed } = harness
  const text = ({ json }: SourceRecord): string => harness.bodyOf(json).toString()
  const texts = (records: readonly SourceRecord[]): string[] => records.map(text)

  describe.skipIf(await isMissingService(port))(`event source of ${name}`, () => {
    /** The drivers' way to the broker; `other` is another process's. */
    let proxy: Proxy
    let other: Proxy

    beforeAll(async () => {
      proxy = await startProxy(port)
      other = await startProxy(port)
    })
    afterAll(async () => {
      await proxy[Symbol.asyncDispose]()
      await other[Symbol.asyncDispose]()
    })

    const start = () => startSource(harness, { through: proxy.port })

    test('delivers what was published, as it was', async () => {
      await using it = await start()
      const bodies = [
        Buffer.from('plain'),
        Buffer.from('{"a":[1,"ü"]}'),
        Buffer.from([0, 255, 128, 10]),
        Buffer.from(''),
      ]
      for (const body of bodies) await it.publish('k', body)

      const records = await receiveAll(it.source, bodies.length)

      expect(records.map(({ json }) => harness.bodyOf(json).toString('base64'))).toEqual(
        bodies.map((body) => body.toString('base64')),
      )
      for (const record of records) {
        expect(record).toMatchObject({ attempt: 1, hops: 0, sizeBytes: Buffer.byteLength(JSON.stringify(record.json)) })
        expect(Math.abs(Date.now() - record.createdAt)).toBeLessThan(60_000)
      }
      expect(new Set(records.map(({ id }) => id)).size).toBe(bodies.length)
      expect(records[1]?.filterable).toMatchObject({ data: keyed || name !== 'Redis Streams' ? { a: [1, 'ü'] } : {} })
      await it.source.acknowledge(records)
      expect(await receiveNow(it.source)).toEqual([])
    })

    test('keeps the order of a key', async () => {
      await using it = await start()
      for (const number of numbers(1, 20)) await it.publish(Number(number) % 2 === 0 ? 'even' : 'odd', number)

      const records = await receiveAll(it.source, 20, 7)

      const byKey = Map.groupBy(records, ({ orderKey }) => orderKey)
      expect(byKey.size).toBe(keyed ? 2 : 1)
      for (const members of byKey.values()) {
        const order = texts(members).map(Number)
        expect(order).toEqual(order.toSorted((one, two) => one - two))
      }
    })

    test('gives no more than was asked for, and the rest later', async () => {
      await using it = await start()
      for (const number of numbers(1, 10)) await it.publish('k', number)
      const sizes: number[] = []
      const seen: string[] = []
      while (seen.length < 10) {
        const records = await receiveAll(it.source, 1, 3)
        sizes.push(records.length)
        seen.push(...texts(records))
      }
      expect(Math.max(...sizes)).toBeLessThanOrEqual(3)
      expect(seen).toEqual(numbers(1, 10))
    })

    test('gives up waiting when it is aborted, and loses nothing by it', async () => {
      await using it = await start()
      const abort = new AbortController()
      const waiting = it.source.receive({ max: 10, waitMs: 60_000, signal: abort.signal })
      abort.abort()
      expect(await waiting).toEqual([])
      await it.publish('k', 'after')
      expect(texts(await receiveAll(it.source, 1))).toEqual(['after'])
    })

    test('what is acknowledged does not come again, what is not does', async () => {
      await using it = await start()
      for (const number of numbers(1, 3)) await it.publish('k', number)
      const records = await receiveAll(it.source, 3)
      await it.source.acknowledge(records.slice(0, 2))
      await it.source[Symbol.asyncDispose]()

      await using again = await it.reopen()
      expect(texts(await receiveAll(again, 1, 10))).toEqual(['3'])
      expect(await receiveNow(again)).toEqual([])
    })

    test('what is released comes again, not before its delay, with its attempt counted', async () => {
      await using it = await start()
      await it.publish('k', 'one')
      const [first] = await receiveAll(it.source, 1)
      if (first === undefined) throw new Error('nothing came')
      const before = performance.now()
      await it.source.release([first], 400)

      const [second] = await receiveAll(it.source, 1)

      expect(performance.now() - before).toBeGreaterThanOrEqual(395)
      expect(second).toMatchObject({ id: first.id, attempt: 2 })
      expect(second?.json).toBeDefined()
      await it.source.release(second === undefined ? [] : [second], undefined)
      const [third] = await receiveAll(it.source, 1)
      expect(third?.attempt).toBeGreaterThanOrEqual(2)
      await it.source.acknowledge(third === undefined ? [] : [third])
      await it.source[Symbol.asyncDispose]()
      await using again = await it.reopen()
      expect(await receiveNow(again)).toEqual([])
    })

    test('nothing of its key overtakes a released record', async () => {
      await using it = await start()
      for (const number of numbers(1, 4)) await it.publish('k', number)
      const records = await receiveAll(it.source, 2, 2)
      await it.source.release(records, 300)
      const seen = texts(await receiveAll(it.source, 4, 1))
      // Records of RabbitMQ have no order to keep.
      expect(harness.service === 'mq' ? seen.toSorted() : seen).toEqual(numbers(1, 4))
    })

    test('a record that is extended stays with the mapping', async () => {
      await using it = await start()
      await it.publish('k', 'one')
      const records = await receiveAll(it.source, 1)
      await it.source.extend(records)
      expect(await receiveNow(it.source)).toEqual([])
      await it.source.extend(records)
      await it.source.acknowledge(records)
      await it.source[Symbol.asyncDispose]()
      await using again = await it.reopen()
      expect(await receiveNow(again)).toEqual([])
    })

    test('after a crash all that was not acknowledged comes again, in order, before what is new', async () => {
      await using it = await start()
      for (const number of numbers(1, 6)) await it.publish('k', number)
      const records = await receiveAll(it.source, 5, 5)
      await it.source.acknowledge(records.slice(1, 2))
      proxy.cut()
      await it.publish('k', '7')
      try {
        await using again = await it.reopen(other.port)
        const redelivered = await receiveAll(again, 6, 10)
        expect(texts(redelivered)).toEqual(['1', '3', '4', '5', '6', '7'])
        expect(redelivered.slice(0, 4).map(({ attempt }) => attempt)).toEqual([2, 2, 2, 2])
        await again.acknowledge(redelivered)
        await again[Symbol.asyncDispose]()
        await it.source[Symbol.asyncDispose]()
      } finally {
        proxy.restore()
      }
    })

    test('goes on when the connection is back; what is in work is neither lost nor handed out again', async () => {
      await using it = await start()
      for (const number of numbers(1, 4)) await it.publish('k', number)
      const records = await receiveAll(it.source, 4)
      proxy.cut()
      const during = it.source.receive({ max: 10, waitMs: 30_000, signal: AbortSignal.timeout(30_000) })
      const acknowledged = it.source.acknowledge(records.slice(0, 1))
      await it.publish('k', '5')
      proxy.restore()
      expect(texts(await during)).toEqual(['5'])
      await acknowledged
      await it.source.acknowledge(records.slice(1, 3))
      expect(await receiveNow(it.source)).toEqual([])
      await it.source[Symbol.asyncDispose]()

      await using again = await it.reopen()
      expect(texts(await receiveAll(again, 2, 10))).toEqual(['4', '5'])
      expect(await receiveNow(again)).toEqual([])
    })

    test('an event holds its records', async () => {
      await using it = await start()
      for (const number of numbers(1, 2)) await it.publish('k', number)
      const records = await receiveAll(it.source, 2)
      const event = JSON.stringify(it.source.event(records))
      for (const { json } of records) expect(event).toContain(JSON.stringify(json))
    })

    test('can be closed twice, and while somebody waits', async () => {
      await using it = await start()
      const waiting = it.source.receive({ max: 1, waitMs: 60_000, signal: new AbortController().signal })
      await it.source[Symbol.asyncDispose]()
      expect(await waiting).toEqual([])
      await it.source[Symbol.asyncDispose]()
    })

    test('tells a source that is there from one that is not, and refuses ARNs of others', async () => {
      await using it = await start()
      const { driver, settings } = it
      await driver.check(settings)
      expect(driver.matches(settings.eventSourceArn)).toBe(true)
      expect(driver.matches('arn:aws:sqs:us-east-1:111111111111:q')).toBe(false)
      const refused = (changes: Partial<typeof settings>) => driver.check({ ...settings, ...changes })
      const arn = (from: string, to: string) => ({ eventSourceArn: settings.eventSourceArn.replace(from, to) })
      await expect(refused(arn('main', 'elsewhere'))).rejects.toMatchObject({ code: 'InvalidParameterValue' })
      await expect(refused(arn(':111111111111:', ':222222222222:'))).rejects.toThrow('another account or region')
      await expect(refused(arn('us-east-1', 'us-east-2'))).rejects.toThrow('another account or region')
      const nowhere = driverAt(harness, 1)
      await expect(nowhere.check(settings)).rejects.toThrow('The broker "main" cannot be reached or refuses Thaw.')
      await expect(nowhere.open(settings)).rejects.toBeInstanceOf(Error)
      if (harness.missing === undefined) return
      await expect(driver.check(settingsFor(harness, harness.missing))).rejects.toMatchObject({
        code: 'ResourceNotFound',
        message: expect.stringContaining('does not exist'),
      })
    })
  })
}
