import { array, assert as assertProperty, constantFrom, float, integer, property, record } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { SpecTable } from '../../src/worker/spec-table.ts'
import { specOf } from './support/harness.ts'

const accountId = '000000000000'
const f = { accountId, functionName: 'f' }
const versions = ['1', '2'].map((version) => specOf('f', { version }))

/** mulberry32: evenly from 0 to below 1. */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b_79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

function tableOf(random?: () => number): SpecTable {
  const table = new SpecTable(random)
  table.apply({ accountPool: { accountId, pool: 0 } })
  for (const put of [specOf('f'), ...versions]) table.apply({ put })
  return table
}

describe('a qualifier', () => {
  test('finds its version, in its account only', () => {
    const table = tableOf()
    table.apply({ put: specOf('f', { accountId: '111111111111' }) })
    expect(table.find(accountId, 'f')?.spec.version).toBe('$LATEST')
    expect(table.find(accountId, 'f', '2')?.spec).toEqual(versions[1])
    expect(table.find('111111111111', 'f')?.spec.accountId).toBe('111111111111')
    expect(table.find('111111111111', 'f', '2')).toBeUndefined()
    expect(table.find(accountId, 'f', '3')).toBeUndefined()
    expect(table.find('222222222222', 'f')).toBeUndefined()
  })

  test('an alias follows its version, also one that comes later', () => {
    const table = tableOf()
    table.apply({ putAlias: { ...f, alias: 'live', version: '3', additional: undefined } })
    expect(table.find(accountId, 'f', 'live')).toBeUndefined()
    table.apply({ put: specOf('f', { version: '3' }) })
    expect(table.find(accountId, 'f', 'live')?.spec.version).toBe('3')
    table.apply({ putAlias: { ...f, alias: 'live', version: '1', additional: undefined } })
    expect(table.find(accountId, 'f', 'live')?.spec.version).toBe('1')
    table.apply({ removeAlias: { ...f, alias: 'live' } })
    expect(table.find(accountId, 'f', 'live')).toBeUndefined()
  })

  test('draws on the pools in their order', () => {
    const table = tableOf()
    table.apply({ putAlias: { ...f, alias: 'live', version: '1', additional: undefined } })
    const drawn = (qualifier?: string) => {
      const { pools, provisioned, throttleReason } = table.find(accountId, 'f', qualifier) ?? {}
      return [pools, provisioned, throttleReason]
    }
    const [account, reserved] = [
      'ConcurrentInvocationLimitExceeded',
      'ReservedFunctionConcurrentInvocationLimitExceeded',
    ]
    expect(drawn()).toEqual([[0], false, account])
    table.apply({ provisionedPool: { ...f, qualifier: 'live', pool: 2 } })
    expect(drawn('live')).toEqual([[2, 0], true, account])
    expect(drawn('1')).toEqual([[0], false, account])
    table.apply({ functionPool: { ...f, pool: 1 } })
    expect(drawn('live')).toEqual([[2, 1], true, reserved])
    expect(drawn()).toEqual([[1], false, reserved])
    table.apply({ functionPool: { ...f, pool: undefined } })
    table.apply({ provisionedPool: { ...f, qualifier: 'live', pool: undefined } })
    expect(drawn('live')).toEqual([[0], false, account])
  })
})

test('what is replaced or removed is named once', () => {
  const table = tableOf()
  const next = specOf('f', { version: '1' })
  const [first, second] = versions
  expect(table.apply({ put: next })).toEqual([first?.deployment])
  expect(table.apply({ put: next })).toEqual([])
  expect(table.apply({ remove: { ...f, version: '1' } })).toEqual([next.deployment])
  expect(table.apply({ removeFunction: f })).toContain(second?.deployment)
  expect(table.apply({ removeFunction: f })).toEqual([])
  expect(table.find(accountId, 'f', '2')).toBeUndefined()
})

test('what is to be held is shared between the versions of an alias', () => {
  const table = tableOf()
  table.apply({ putAlias: { ...f, alias: 'live', version: '1', additional: { version: '2', weight: 0.3 } } })
  table.apply({ hold: { ...f, qualifier: 'live', instances: 10 } })
  expect([...table.holdings()]).toEqual([
    {
      ...f,
      qualifier: 'live',
      instances: 10,
      of: [
        { spec: versions[0], instances: 7 },
        { spec: versions[1], instances: 3 },
      ],
    },
  ])
  table.apply({ hold: { ...f, qualifier: 'live', instances: 0 } })
  expect([...table.holdings()]).toEqual([])
})

test('an alias sends each version its weight of the invocations', () => {
  assertProperty(
    property(float({ min: 0, max: 1, noNaN: true }), integer(), (weight, seed) => {
      const table = tableOf(seeded(seed))
      table.apply({ putAlias: { ...f, alias: 'live', version: '1', additional: { version: '2', weight } } })
      const calls = 4_000
      let additional = 0
      for (let call = 0; call < calls; call++)
        if (table.find(accountId, 'f', 'live')?.spec.version === '2') additional++
      // All or nothing where that is what was asked for. Else Bernstein's inequality: beyond six standard deviations
      // and twelve (a rare version's count is no normal distribution) lies less than one run in 10 million.
      const deviation = Math.sqrt(calls * weight * (1 - weight))
      const tolerance = deviation === 0 ? 0 : 6 * deviation + 12
      expect(Math.abs(additional - calls * weight)).toBeLessThanOrEqual(tolerance)
    }),
    { numRuns: 150 },
  )
})

test('in any history of versions and aliases a qualifier finds what a model finds', () => {
  const names = constantFrom('1', '2', '3')
  const step = record({
    kind: constantFrom('put', 'remove', 'alias', 'weighted', 'removeAlias'),
    name: names,
    other: names,
    alias: constantFrom('a', 'b'),
    high: constantFrom(true, false),
  })
  assertProperty(
    property(array(step, { maxLength: 40 }), (steps) => {
      let random = 0
      const table = new SpecTable(() => random)
      const served = new Set<string>()
      const aliases = new Map<string, { version: string; other: string | undefined }>()
      for (const { kind, name: version, other, alias, high } of steps) {
        if (kind === 'put') {
          table.apply({ put: specOf('f', { version }) })
          served.add(version)
        } else if (kind === 'remove') {
          table.apply({ remove: { ...f, version } })
          served.delete(version)
        } else if (kind === 'removeAlias') {
          table.apply({ removeAlias: { ...f, alias } })
          aliases.delete(alias)
        } else {
          const additional = kind === 'weighted' ? { version: other, weight: 0.5 } : undefined
          table.apply({ putAlias: { ...f, alias, version, additional } })
          aliases.set(alias, { version, other: additional?.version })
        }
        random = high ? 0.5 : 0.499
        for (const [name, { version, other }] of aliases) {
          const chosen = other !== undefined && !high ? other : version
          expect(table.find(accountId, 'f', name)?.spec.version).toBe(served.has(chosen) ? chosen : undefined)
        }
        for (const name of ['1', '2', '3'])
          expect(table.find(accountId, 'f', name)?.spec.version).toBe(served.has(name) ? name : undefined)
      }
    }),
    { numRuns: 300 },
  )
})
