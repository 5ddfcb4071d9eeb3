import { array, assert as assertProperty, constantFrom, integer, property, record } from 'fast-check'
import { expect, test } from 'vitest'
import { ConcurrencyBook } from '../../src/controller/concurrency.ts'
import { Deployments } from '../../src/controller/deployments.ts'
import type { DataPlaneChange, HttpRoute } from '../../src/functions/collaborators.ts'
import { pageBytes } from '../../src/memory/page-layout.ts'
import { ConcurrencySlots } from '../../src/memory/slots.ts'
import { specOf } from '../worker/support/harness.ts'

const accountId = '000000000000'
const f = { accountId, functionName: 'f' }

function setUp(pools = 8, concurrency = 10) {
  const shape = { pools, stride: concurrency }
  const slots = new ConcurrencySlots(new Int32Array(new SharedArrayBuffer(pageBytes(shape))), shape)
  return { slots, deployments: new Deployments(new ConcurrencyBook(slots, concurrency)) }
}

const reserve = (concurrency: number | undefined, functionName = 'f'): DataPlaneChange => ({
  reserve: { accountId, functionName, concurrency },
})
const provision = (concurrency: number, qualifier = '1'): DataPlaneChange => ({
  provision: { ...f, qualifier, concurrency },
})

const httpRoute = (routeId: string, functionName = 'f'): HttpRoute => ({
  routeId,
  accountId,
  functionName,
  qualifier: '$LATEST',
  host: 'api.example.com',
  path: '/*',
  methods: [],
  authType: 'NONE',
  statements: [],
  invokeMode: 'BUFFERED',
})

test('deployments name what a change takes out of service', () => {
  const { deployments } = setUp()
  const [first, second] = [specOf('a'), specOf('a')]
  expect(deployments.apply({ put: first })).toMatchObject({
    replaced: [],
    tell: [{ accountPool: { accountId, pool: 0 } }, { put: first }],
  })
  expect(deployments.apply({ put: first })).toMatchObject({ replaced: [], tell: [{ put: first }] })
  expect(deployments.apply({ put: second }).replaced).toEqual([first.deployment])
  expect(deployments.apply({ remove: second }).replaced).toEqual([second.deployment])
  expect(deployments.changes('socket')).toEqual([{ accountPool: { accountId, pool: 0 } }])
})

test('a worker that starts is told all that is served', () => {
  const { deployments } = setUp()
  const spec = specOf('f', { version: '1' })
  const route = { ...f, alias: 'live', version: '1', additional: undefined }
  const url = {
    ...f,
    qualifier: 'live',
    urlId: 'u',
    authType: 'NONE',
    isPublic: true,
    statements: [],
    invokeMode: 'BUFFERED',
    cors: undefined,
  } as const
  const key = { accessKeyId: 'AKIA', accountId, secret: 's' }
  const http = httpRoute('r')
  const all = [
    { put: spec },
    { putAlias: route },
    { putUrl: url },
    { putRoute: http },
    { putKey: key },
    reserve(3),
    provision(2, 'live'),
  ]
  for (const change of all) deployments.apply(change).settle()
  expect(deployments.changes('socket')).toEqual([
    { putKey: key },
    { accountPool: { accountId, pool: 0 } },
    { functionPool: { ...f, pool: 1 } },
    { provisionedPool: { ...f, qualifier: 'live', pool: 2 } },
    { put: spec },
    { putAlias: route },
    { putUrl: url },
    { putRoute: http },
  ])
  deployments.apply({ putRoute: httpRoute('moved') })
  deployments.apply({ putRoute: httpRoute('moved', 'g') })
  deployments.apply({ putRoute: httpRoute('gone') })
  deployments.apply({ removeRoute: { routeId: 'gone' } })
  const removed = deployments.apply({ removeFunction: f })
  expect(removed).toMatchObject({
    replaced: [spec.deployment],
    tell: [{ removeFunction: f }, { removeUrl: { urlId: 'u' } }, { removeRoute: { routeId: 'r' } }],
  })
  expect(deployments.changes('socket')).toEqual([
    { putKey: key },
    { accountPool: { accountId, pool: 0 } },
    { putRoute: httpRoute('moved', 'g') },
  ])
})

test('a quarantine lasts as long as the deployment', () => {
  const { deployments } = setUp()
  const [first, second] = [specOf('a'), specOf('a')]
  expect(deployments.quarantine(first.deployment)).toBe(false)
  deployments.apply({ put: first })
  expect(deployments.quarantine(first.deployment)).toBe(true)
  expect(deployments.quarantine(first.deployment)).toBe(false)
  expect(deployments.changes('socket').slice(1)).toEqual([
    { put: first },
    { quarantine: { deployment: first.deployment, socketPath: 'socket' } },
  ])
  deployments.apply({ put: second })
  expect(deployments.changes('socket').slice(1)).toEqual([{ put: second }])
})

test("the account's concurrency is dealt out, and comes back once the workers know", () => {
  const { slots, deployments } = setUp()
  const limits = () => [0, 1, 2, 3].map((pool) => slots.limit(pool))
  deployments.apply(reserve(4))
  expect(limits()).toEqual([6, 4, 0, 0])
  // Out of the reservation, if there is one.
  deployments.apply(provision(3))
  expect(limits()).toEqual([6, 1, 3, 0])
  deployments.apply({ provision: { accountId, functionName: 'g', qualifier: '1', concurrency: 2 } })
  expect(limits()).toEqual([4, 1, 3, 2])
  const ended = deployments.apply(reserve(undefined))
  expect(ended.tell).toEqual([{ functionPool: { ...f, pool: undefined } }])
  // Workers may still draw on the pool.
  expect(limits()).toEqual([4, 1, 3, 2])
  ended.settle()
  expect(limits()).toEqual([5, 0, 3, 2])
  deployments.apply(reserve(0, 'off'))
  expect(limits()).toEqual([5, 0, 3, 2])
})

test('when no pool is free, it is said so and nothing changes', () => {
  const { deployments } = setUp(2)
  deployments.apply(reserve(1))
  const before = deployments.changes('')
  expect(() => deployments.apply(provision(1))).toThrow('all 2 are in use (limit concurrencyPools)')
  expect(() => deployments.apply({ put: specOf('x', { accountId: '111111111111' }) })).toThrow('No concurrency pool')
  expect(deployments.changes('')).toEqual(before)
})

test('an empty pool is taken before one in which something is still held', () => {
  const { slots, deployments } = setUp(4)
  deployments.apply(reserve(1))
  const slot = slots.acquire(1, 9)
  deployments.apply(reserve(undefined)).settle()
  deployments.apply(reserve(1, 'g'))
  expect(deployments.changes('')).toContainEqual({ functionPool: { accountId, functionName: 'g', pool: 2 } })
  slots.release(slot, 9)
})

test('in any history the limits of an account never add up to more than it has', () => {
  const step = record({
    name: constantFrom('f', 'g'),
    kind: constantFrom('reserve', 'provision', 'remove', 'settle'),
    concurrency: integer({ min: 0, max: 5 }),
    qualifier: constantFrom('1', 'live'),
  })
  assertProperty(
    property(array(step, { maxLength: 30 }), (steps) => {
      const { slots, deployments } = setUp(32, 40)
      deployments.apply({ put: specOf('f') })
      const open: (() => void)[] = []
      for (const { name: functionName, kind, concurrency, qualifier } of steps) {
        const key = { accountId, functionName }
        if (kind === 'settle') open.shift()?.()
        else if (kind === 'remove') open.push(deployments.apply({ removeFunction: key }).settle)
        else if (kind === 'reserve')
          open.push(
            deployments.apply({ reserve: { ...key, concurrency: concurrency === 5 ? undefined : concurrency + 10 } })
              .settle,
          )
        else open.push(deployments.apply({ provision: { ...key, qualifier, concurrency } }).settle)
        const sum = Array.from({ length: slots.pools }, (_, pool) => slots.limit(pool)).reduce((a, b) => a + b)
        // What still retires may leave nothing for a moment; it never makes more.
        expect(sum).toBeLessThanOrEqual(40)
      }
      for (const settle of open) settle()
      const sum = Array.from({ length: slots.pools }, (_, pool) => slots.limit(pool)).reduce((a, b) => a + b)
      // Settled, all of it is dealt out.
      expect(sum).toBe(40)
    }),
    { numRuns: 300 },
  )
})
