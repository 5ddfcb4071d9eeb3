/** The broker is stopped and started while messages flow: nothing that it confirmed to its publisher is lost. */
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { temporaryFolder } from '../../store/temp.ts'
import { driverAt, settingsFor, type Fixture } from './harness.ts'
import { mqtt } from './mqtt.harness.ts'
import { nats } from './nats.harness.ts'
import { pathOf, privateBroker } from './private-brokers.ts'
import { rabbitmq } from './rabbitmq.harness.ts'
import { redis } from './redis.harness.ts'

const total = 400
const keys = 4
/** The broker is stopped when so many have been acknowledged. */
const stops = [100, 250]

const brokers = { nats, redis, rabbitmq, mqtt }

describe.each(['nats', 'redis', 'rabbitmq', 'mqtt'] as const)('%s stopped and started', (kind) => {
  const harness = brokers[kind]
  const here = process.env.CI === 'true' || pathOf(kind) !== undefined

  test.skipIf(!here)('loses nothing, and keeps the order of each key', async () => {
    const broker = await privateBroker(kind, await temporaryFolder())
    await broker.start()
    await using fixture = await harness.prepare(broker.port, 'main')
    const settings = settingsFor(harness, fixture)
    await using source = await driverAt(harness, broker.port).open(settings)
    const abort = new AbortController()

    const publishing = publishAll(fixture, abort.signal)
    const deliveries: number[] = []
    const acknowledged = new Set<number>()
    const restarts = [...stops]
    let restarting = Promise.resolve()
    while (acknowledged.size < total) {
      const records = await source.receive({ max: 10, waitMs: 1_000, signal: abort.signal })
      const numbers = records.map(({ json }) => Number(harness.bodyOf(json).toString()))
      deliveries.push(...numbers)
      if (restarts[0] !== undefined && acknowledged.size >= restarts[0]) {
        restarts.shift()
        // Records are in work, and their acknowledgements under way, when it goes.
        restarting = restarting.then(() => broker.stop()).then(() => broker.start())
      }
      await source.acknowledge(records)
      for (const number of numbers) acknowledged.add(number)
    }
    await publishing
    await restarting

    expect(restarts).toEqual([])
    expect([...acknowledged].toSorted((one, two) => one - two)).toEqual(Array.from({ length: total }, (_, n) => n))
    const order = firsts(deliveries)
    for (let key = 0; key < keys; key++) {
      const ofKey = order.filter((number) => number % keys === key)
      expect(ofKey).toEqual(ofKey.toSorted((one, two) => one - two))
    }
    // What was in work, or its acknowledgement under way, when the broker went down; never all of it again.
    const duplicates = deliveries.length - total
    expect(duplicates).toBeLessThanOrEqual(stops.length * 20)
    console.info(`${harness.name}: ${total} published, ${duplicates} delivered more than once`)
  })
})

/** One after the other; each is repeated until the broker has confirmed it. */
async function publishAll(fixture: Fixture, signal: AbortSignal): Promise<void> {
  for (let number = 0; number < total; number++)
    for (let confirmed = false; !confirmed && !signal.aborted;)
      try {
        await fixture.publish(`k${number % keys}`, String(number))
        confirmed = true
      } catch {
        await sleep(20)
      }
}

const firsts = (deliveries: readonly number[]): number[] => [...new Set(deliveries)]
