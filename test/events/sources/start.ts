/** A source on the machine's own broker, all of it gone at the end. */
import { driverAt, settingsFor, type BrokerHarness } from './harness.ts'

export async function startSource(
  harness: BrokerHarness,
  options: { through?: number; changes?: Parameters<typeof settingsFor>[2]; before?: string[] } = {},
) {
  const { through = harness.port, changes, before = [] } = options
  await using building = new AsyncDisposableStack()
  const fixture = building.use(await harness.prepare(harness.port, 'main'))
  for (const body of before) await fixture.publish('k', body)
  const driver = driverAt(harness, through)
  const settings = settingsFor(harness, fixture, changes)
  building.defer(async () => driver.remove?.(settings))
  const source = building.use(await driver.open(settings))
  const resources = building.move()
  return {
    ...fixture,
    driver,
    settings,
    source,
    /** The same mapping, opened once more. */
    reopen: (port = through) => driverAt(harness, port).open(settings),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  }
}
