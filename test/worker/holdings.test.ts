import { expect, test } from 'vitest'
import type { FunctionSpec } from '../../src/invocation.ts'
import { createHoldings } from '../../src/worker/holdings.ts'
import type { Held, WorkerChange } from '../../src/worker/messages.ts'
import { SpecTable } from '../../src/worker/spec-table.ts'
import { invokePath, send, specOf, WorkerBench } from './support/harness.ts'

const f = { accountId: '000000000000', functionName: 'f' }

/** A runtime that can hold so many of each, and notes what it was told. */
function setUp(most = 100) {
  const table = new SpecTable()
  const told: [version: string, instances: number][] = []
  const reports: Held[][] = []
  const holdings = createHoldings({
    table,
    runtime: {
      hold: async ({ version }: FunctionSpec, instances) => {
        told.push([version, instances])
        return Math.min(most, instances)
      },
    },
    report: (held) => reports.push(held),
  })
  const apply = async (...changes: WorkerChange[]): Promise<void> => {
    for (const change of changes) table.apply(change)
    holdings.changed()
    await new Promise<void>((resolve) => {
      setImmediate(resolve)
    })
  }
  return { apply, told, reports }
}

const [one, two] = ['1', '2'].map((version) => specOf('f', { version }))
if (one === undefined || two === undefined) throw new Error('unreachable')
const hold = (qualifier: string, instances: number) => ({ hold: { ...f, qualifier, instances } })
const alias = (version: string, additional?: { version: string; weight: number }) => ({
  putAlias: { ...f, alias: 'live', version, additional },
})

test('what is to be held is held, told once, and reported', async () => {
  const { apply, told, reports } = setUp()
  await apply({ put: one }, hold('1', 3))
  await apply({ put: two })
  expect(told).toEqual([['1', 3]])
  expect(reports.at(-1)).toEqual([{ ...f, qualifier: '1', instances: 3 }])
  await apply(hold('1', 0))
  expect(told).toEqual([
    ['1', 3],
    ['1', 0],
  ])
  expect(reports.at(-1)).toEqual([])
})

test('an alias that turns to another version takes its instances along', async () => {
  const { apply, told, reports } = setUp()
  await apply({ put: one }, { put: two }, alias('1'), hold('live', 4))
  await apply(alias('1', { version: '2', weight: 0.25 }))
  await apply(alias('2'))
  expect(told).toEqual([
    ['1', 4],
    ['1', 3],
    ['2', 1],
    ['1', 0],
    ['2', 4],
  ])
  expect(reports.at(-1)).toEqual([{ ...f, qualifier: 'live', instances: 4 }])
})

test('what cannot be held is not reported', async () => {
  const { apply, reports } = setUp(2)
  await apply({ put: one }, hold('1', 3))
  expect(reports.at(-1)).toEqual([{ ...f, qualifier: '1', instances: 2 }])
  await apply(hold('7', 1))
  expect(reports.at(-1)).toContainEqual({ ...f, qualifier: '7', instances: 0 })
})

test('whoever gets a provisioned slot runs on a held instance, in a worker', async () => {
  await using bench = new WorkerBench({ limits: { accountConcurrency: 1 } })
  const provisioned = 5
  bench.page.slots.setLimit(provisioned, 1)
  const worker = await bench.worker([{ put: one }, { provisionedPool: { ...f, qualifier: '1', pool: provisioned } }])
  await worker.apply([hold('1', 1)])
  await worker.reported(() => worker.reports.length > 0)
  expect(worker.reports.at(-1)).toEqual([{ ...f, qualifier: '1', instances: 1 }])
  const holding = await bench.hold()
  const invoke = (script: unknown) =>
    send({ port: worker.port, method: 'POST', path: invokePath('f:1'), body: JSON.stringify(script) })
  const open = invoke({ do: 'hold', url: holding.url })
  const { response } = await holding.arrived()
  expect(bench.page.slots.inUse(provisioned)).toBe(1)
  // Spillover: the account's own concurrency, no held instance.
  expect(JSON.parse((await invoke({ do: 'describe' })).body).provisioned).toBe(false)
  response.end('done')
  await open
  expect(JSON.parse((await invoke({ do: 'describe' })).body).provisioned).toBe(true)
  expect(bench.page.slots.inUse()).toBe(0)
})
