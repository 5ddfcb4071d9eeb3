import { parse } from '@bytecodealliance/jco'
import { describe, expect, test } from 'vitest'
import type { Engine } from '../../src/instance/engine.ts'
import type { HookTarget } from '../../src/instance/hooks.ts'
import { link, type ImportHost, type Linked, type LinkOptions } from '../../src/instance/link.ts'
import type { CanonOptions, EnginePlan, ImportRef, ModuleMeta } from '../../src/instance/plan.ts'

const meta: ModuleMeta = { memories: [], globals: [], tables: [], mutatesTables: false, checkpoints: 0, hooks: false }
const canon: CanonOptions = { memory: 0, realloc: 0, encoding: 'utf8' }

const hooks: HookTarget = {
  check: () => 0,
  pause: () => Promise.resolve(),
  growMemory: (delta) => delta,
  growTable: (delta) => delta,
  suspended: (wait) => wait,
  enterAllocator: () => true,
  leaveAllocator: () => undefined,
}

const noHost: ImportHost = {
  lower: (iface, func) => ({ fn: () => `${iface}#${func}`, mayBlock: false }),
  lowerAsync: (iface, func) => () => `${iface}#${func}`,
  asyncBuiltin: ({ name }) => ({ fn: () => name, mayBlock: false }),
  drop: () => () => undefined,
}

interface Step {
  wat: string
  imports?: EnginePlan['steps'][number]['imports']
  meta?: Partial<ModuleMeta>
}

async function engineOf(steps: Step[], plan: Partial<EnginePlan> = {}): Promise<Engine> {
  const modules = await Promise.all(
    steps.map(async (step) => ({
      module: await WebAssembly.compile(new Uint8Array(await parse(step.wat))),
      meta: { ...meta, ...step.meta },
    })),
  )
  const own = {
    steps: steps.map(({ imports = {} }, module) => ({ module, imports })),
    memories: [],
    reallocs: [],
    exports: {},
  }
  return { hash: 'test', modules, plan: { ...own, ...plan } }
}

async function linked(
  steps: Step[],
  options: Partial<LinkOptions> = {},
  plan: Partial<EnginePlan> = {},
): Promise<Linked> {
  return link({
    engine: await engineOf(steps, plan),
    epoch: new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }),
    initialPages: () => 1,
    host: noHost,
    hooks,
    taskReturn: () => undefined,
    ...options,
  })
}

function isCore(value: unknown): value is () => unknown {
  return typeof value === 'function'
}

function call(instance: Linked, step: number, name: string, ...args: unknown[]): unknown {
  const exported = instance.exports[step]?.[name]
  if (typeof exported !== 'function') throw new TypeError(`step ${step} exports no function ${name}`)
  return exported(...args)
}

/** One module that exports, as `f`, what it imports as such a reference. */
function passing(ref: ImportRef, signature = '', wat = ''): Step {
  return {
    wat: `(module (import "a" "b" (func $f ${signature})) (export "f" (func $f)) ${wat})`,
    imports: { a: { b: ref } },
  }
}

describe('imports', () => {
  test('of an earlier step', async () => {
    const instance = await linked([
      { wat: '(module (func (export "seven") (result i32) (i32.const 7)))' },
      passing({ kind: 'export', step: 0, name: 'seven' }, '(result i32)'),
    ])
    expect(call(instance, 1, 'f')).toBe(7)
  })

  test('of an earlier step that has no such export', async () => {
    const steps = [{ wat: '(module)' }, passing({ kind: 'export', step: 0, name: 'seven' })]
    await expect(linked(steps)).rejects.toMatchObject({
      code: 'Artifact',
      message: expect.stringMatching(/step 0 exports no seven/),
    })
  })

  test('of the host, one function for all that import it under the same options', async () => {
    const lowered: string[] = []
    const host: ImportHost = {
      ...noHost,
      lower(iface, func, { encoding }) {
        lowered.push(`${iface}#${func} ${encoding}`)
        return { fn: (value) => Number(value) + 1, mayBlock: false }
      },
    }
    const ref: ImportRef = { kind: 'lower', iface: 'a:b/c', func: 'd', options: canon }
    const utf16: ImportRef = { ...ref, options: { ...canon, encoding: 'utf16' } }
    const signature = '(param i32) (result i32)'
    const instance = await linked([passing(ref, signature), passing(ref, signature), passing(utf16, signature)], {
      host,
    })
    expect(call(instance, 0, 'f', 1)).toBe(2)
    expect(lowered).toEqual(['a:b/c#d utf8', 'a:b/c#d utf16'])
  })

  test('of the host, with the memory and the allocator of the options', async () => {
    const allocations: string[] = []
    let memory: unknown
    const host: ImportHost = {
      ...noHost,
      lower: (_iface, _func, options) => ({
        mayBlock: false,
        fn() {
          memory = options.memory()
          return options.realloc()(1, 2, 4, 8)
        },
      }),
    }
    const instance = await linked(
      [
        {
          wat: `(module (memory (export "memory") 1)
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.add (local.get 2) (local.get 3))))`,
        },
        passing({ kind: 'lower', iface: 'a:b/c', func: 'd', options: canon }, '(result i32)'),
      ],
      {
        host,
        hooks: {
          ...hooks,
          enterAllocator() {
            allocations.push('enter')
            return true
          },
          leaveAllocator: (could) => allocations.push(`leave ${could}`),
        },
      },
      { memories: [{ step: 0, name: 'memory' }], reallocs: [{ step: 0, name: 'realloc' }] },
    )
    expect(call(instance, 1, 'f')).toBe(12)
    expect(memory).toBe(instance.exports[0]?.memory)
    expect(allocations).toEqual(['enter', 'leave true'])
  })

  test('of a host function that may wait: the guest is suspended, and the run is told', async () => {
    const order: string[] = []
    const host: ImportHost = {
      ...noHost,
      lower: () => ({ fn: () => Promise.resolve(5), mayBlock: true }),
    }
    const suspended = async <T>(wait: Promise<T>): Promise<T> => {
      order.push('suspended')
      const value = await wait
      order.push('resumed')
      return value
    }
    const ref: ImportRef = { kind: 'lower', iface: 'a:b/c', func: 'd', options: canon }
    const step = {
      wat: `(module (import "a" "b" (func $f (result i32)))
        (func (export "f") (result i32) (i32.add (i32.const 1) (call $f))))`,
      imports: { a: { b: ref } },
    }
    const instance = await linked([step], { host, hooks: { ...hooks, suspended } })
    const exported = instance.exports[0]?.f
    if (!isCore(exported)) throw new TypeError('no f')
    const promised = WebAssembly.promising(exported)()
    order.push('the thread is free')
    expect(await promised).toBe(6)
    expect(order).toEqual(['suspended', 'the thread is free', 'resumed'])
  })

  test('resource.drop', async () => {
    const dropped: string[] = []
    const host: ImportHost = {
      ...noHost,
      drop: (iface, resource) => (handle) => void dropped.push(`${iface} ${resource} ${handle}`),
    }
    const instance = await linked(
      [passing({ kind: 'drop', iface: 'wasi:io/poll', resource: 'pollable' }, '(param i32)')],
      { host },
    )
    call(instance, 0, 'f', 3)
    expect(dropped).toEqual(['wasi:io/poll pollable 3'])
  })

  test('task.return', async () => {
    const returned: unknown[] = []
    const instance = await linked(
      [passing({ kind: 'task-return', export: 'handle', options: canon }, '(param i32 i64)')],
      {
        taskReturn: (name, options, flat) => returned.push([name, options.encoding, flat]),
      },
    )
    call(instance, 0, 'f', 1, 2n)
    expect(returned).toEqual([['handle', 'utf8', [1, 2n]]])
  })

  test('task storage, a frame for each synchronous call between components', async () => {
    const instance = await linked([
      passing({ kind: 'context-get', slot: 1 }, '(result i32)'),
      passing({ kind: 'context-set', slot: 1 }, '(param i32)'),
      passing({ kind: 'sync-call-enter' }, '(param i32 i32 i32)'),
      passing({ kind: 'sync-call-exit' }),
    ])
    expect(call(instance, 0, 'f')).toBe(0)
    call(instance, 1, 'f', 9)
    expect(call(instance, 0, 'f')).toBe(9)
    call(instance, 2, 'f', 0, 0, 0)
    expect(call(instance, 0, 'f')).toBe(0)
    call(instance, 1, 'f', 5)
    call(instance, 3, 'f')
    expect(call(instance, 0, 'f')).toBe(9)
    // One exit too many leaves the last frame alone.
    call(instance, 3, 'f')
    expect(instance.contexts).toEqual([[0, 9]])
  })

  test('instance flags, one global a component instance', async () => {
    const step = (instance: number): Step => ({
      wat: '(module (import "a" "b" (global $g (mut i32))) (func (export "f") (global.set $g (i32.const 0))) (export "g" (global $g)))',
      imports: { a: { b: { kind: 'instance-flags', instance } } },
    })
    const instance = await linked([step(0), step(0), step(1)])
    expect(instance.flags.map(({ value }) => value)).toEqual([1, 1])
    call(instance, 1, 'f')
    expect(instance.flags.map(({ value }) => value)).toEqual([0, 1])
    expect(instance.exports[0]?.g).toBe(instance.exports[1]?.g)
  })

  test('a trap', async () => {
    const instance = await linked([passing({ kind: 'trap', message: 'cannot leave component instance' })])
    expect(() => call(instance, 0, 'f')).toThrow(WebAssembly.RuntimeError)
    expect(() => call(instance, 0, 'f')).toThrow('cannot leave component instance')
  })

  test('a copy between two memories, checked at both ends', async () => {
    const memory = '(module (memory (export "memory") 1))'
    const instance = await linked(
      [{ wat: memory }, { wat: memory }, passing({ kind: 'copy', from: 0, to: 1 }, '(param i32 i32 i32)')],
      {},
      {
        memories: [
          { step: 0, name: 'memory' },
          { step: 1, name: 'memory' },
        ],
      },
    )
    const [from, to] = [0, 1].map((step) => {
      const exported = instance.exports[step]?.memory
      if (!(exported instanceof WebAssembly.Memory)) throw new TypeError('no memory')
      return Buffer.from(exported.buffer)
    })
    from?.write('text', 100)
    call(instance, 2, 'f', 100, 4, 200)
    expect(to?.toString('utf8', 200, 204)).toBe('text')
    expect(() => call(instance, 2, 'f', 65_533, 4, 0)).toThrow('out-of-bounds')
    expect(() => call(instance, 2, 'f', 0, 4, 65_533)).toThrow('out-of-bounds')
    expect(() => call(instance, 2, 'f', -1, 4, 0)).toThrow('out-of-bounds')
    expect(() => call(instance, 2, 'f', 0, -1, 0)).toThrow('out-of-bounds')
  })

  test('one of a kind that a later version may have written', async () => {
    const ref: ImportRef = JSON.parse('{ "kind": "future" }')
    await expect(linked([passing(ref)])).rejects.toMatchObject({
      code: 'Artifact',
      message: expect.stringMatching(/future/),
    })
  })
})

describe('what can change is listed', () => {
  test('memories with the pages they are to have, within their own maximum', async () => {
    const instance = await linked(
      [
        {
          wat: '(module (import "$thaw" "m0" (memory 0 65536)) (import "$thaw" "m1" (memory 0 65536)))',
          meta: {
            memories: [
              { minPages: 0, maxPages: 4 },
              { minPages: 0, maxPages: undefined },
            ],
          },
        },
      ],
      { initialPages: (step, index) => step + index + 2 },
    )
    expect(
      instance.memories.map(({ step, index, memory }) => [step, index, memory.buffer.byteLength / 65_536]),
    ).toEqual([
      [0, 0, 2],
      [0, 1, 3],
    ])
    expect(() => instance.memories[0]?.memory.grow(3)).toThrow(RangeError)
    expect(instance.memories[0]?.memory.grow(2)).toBe(2)
  })

  test('globals, and tables as mutable as soon as any module writes to one', async () => {
    const table = {
      wat: '(module (table (export "$t0") 2 funcref) (global (export "$g0") (mut i64) (i64.const 3)))',
      meta: { tables: [{ name: '$t0', minElements: 2 }], globals: [{ name: '$g0', type: 'i64' as const }] },
    }
    const alone = await linked([table])
    expect(alone.globals.map(({ name, type, global }) => [name, type, global.value])).toEqual([['$g0', 'i64', 3n]])
    expect(alone.tables.map(({ name, mutable }) => [name, mutable])).toEqual([['$t0', false]])
    const written = await linked([table, { wat: '(module)', meta: { mutatesTables: true } }])
    expect(written.tables.map(({ mutable }) => mutable)).toEqual([true])
  })

  test('deadlines, and hooks put into their table', async () => {
    const instance = await linked([
      {
        wat: `(module (table (export "$x") 3 funcref) (global (export "$dl") (mut i32) (i32.const 0))
          (type $grow (func (param i32) (result i32)))
          (func (export "grow") (result i32) (call_indirect (type $grow) (i32.const 5) (i32.const 1))))`,
        meta: { hooks: true, checkpoints: 1 },
      },
    ])
    expect(instance.deadlines).toHaveLength(1)
    expect(call(instance, 0, 'grow')).toBe(5)
  })
})
