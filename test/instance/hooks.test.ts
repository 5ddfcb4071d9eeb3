import { expect, test } from 'vitest'
import { hookFunctions, type HookTarget } from '../../src/instance/hooks.ts'

function target(overrides: Partial<HookTarget>): HookTarget {
  const none = (): never => {
    throw new Error('not expected')
  }
  return {
    check: none,
    pause: none,
    growMemory: none,
    growTable: none,
    suspended: none,
    enterAllocator: none,
    leaveAllocator: none,
    ...overrides,
  }
}

type Core = (...args: unknown[]) => unknown
function isCore(value: unknown): value is Core {
  return typeof value === 'function'
}
function hooks(overrides: Partial<HookTarget>): Core[] {
  return hookFunctions(target(overrides)).filter(isCore)
}

test('a checkpoint that may go on does not suspend: it works where nothing could', () => {
  const [checkpoint] = hooks({ check: () => 0 })
  expect(checkpoint?.()).toBeUndefined()
})

test('a checkpoint that is to pause suspends until the pause is over', async () => {
  const order: string[] = []
  const resumed = Promise.withResolvers<void>()
  const [checkpoint] = hooks({
    check: () => 1,
    async pause() {
      order.push('paused')
      await resumed.promise
      order.push('resumed')
    },
  })
  const running = WebAssembly.promising(checkpoint ?? (() => undefined))()
  order.push('the thread is free')
  resumed.resolve()
  await running
  expect(order).toEqual(['paused', 'the thread is free', 'resumed'])
})

test('what check or pause throw ends the guest', async () => {
  const [over] = hooks({
    check: () => {
      throw new Error('over')
    },
  })
  expect(() => over?.()).toThrow('over')
  const [later] = hooks({ check: () => 1, pause: () => Promise.reject(new Error('over meanwhile')) })
  await expect(WebAssembly.promising(later ?? (() => undefined))()).rejects.toThrow('over meanwhile')
})

test('growth asks for memory and tables apart', () => {
  const [, growMemory, growTable] = hooks({ growMemory: (delta) => delta + 1, growTable: () => -1 })
  expect(growMemory?.(4)).toBe(5)
  expect(growTable?.(4)).toBe(-1)
})
