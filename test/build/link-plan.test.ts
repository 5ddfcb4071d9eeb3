import { beforeAll, describe, expect, test } from 'vitest'
import { readLinkPlan } from '../../src/build/link-plan.ts'
import { transpile } from '../../src/build/transpile.ts'
import { javascriptGuest, watGuest } from '../support/guests.ts'

const handle = 'thaw:function/handler@0.1.0#handle'
const turn = 'thaw:function/event-loop@0.1.0#turn'

async function glueOf(name: string, replacements: Record<string, string> = {}): Promise<string> {
  return (await transpile(await watGuest(name, replacements))).glue
}

describe('how handle is lifted', () => {
  test('synchronously', async () => {
    const { plan } = readLinkPlan(await glueOf('echo'))
    expect(plan.exports).toEqual({
      handle: {
        step: 0,
        name: handle,
        lift: 'sync',
        callback: null,
        postReturn: null,
        options: { memory: 0, realloc: 0, encoding: 'utf8' },
      },
    })
    expect(plan.memories).toEqual([{ step: 0, name: 'memory' }])
    expect(plan.reallocs).toEqual([{ step: 0, name: 'cabi_realloc' }])
  })

  test('with a clean-up', async () => {
    const { plan } = readLinkPlan(await glueOf('post-return', { body: '' }))
    expect(plan.exports.handle?.postReturn).toMatchObject({ name: `cabi_post_${handle}` })
  })

  test('with a callback that cannot suspend', async () => {
    const { plan } = readLinkPlan(await glueOf('async', { start: '(i32.const 0)', again: '(i32.const 0)' }))
    expect(plan.exports.handle).toMatchObject({
      name: `[async-lift]${handle}`,
      lift: 'callback',
      callback: { name: `[callback][async-lift]${handle}` },
    })
  })

  test('with an event loop beside it', async () => {
    const { plan } = readLinkPlan(await glueOf('event-loop', { turn: '(i32.const 0)' }))
    expect(Object.keys(plan.exports).toSorted()).toEqual(['handle', 'turn'])
    expect(plan.exports.turn).toMatchObject({ name: `[async-lift]${turn}`, lift: 'callback' })
  })

  test('by JavaScript', async () => {
    const { plan } = readLinkPlan((await transpile(await javascriptGuest('live'))).glue)
    expect(plan.exports.handle).toMatchObject({ lift: expect.stringMatching(/^(sync|callback)$/) })
    expect(plan.exports.turn).toBeDefined()
  })
})

test('imports are named with the version the component has', async () => {
  const { imports, plan } = readLinkPlan(await glueOf('log-flood'))
  expect(imports).toContainEqual({ iface: 'wasi:cli/stdout', version: '0.2.0', func: 'get-stdout' })
  const kinds = plan.steps.flatMap((step) =>
    Object.values(step.imports).flatMap((refs) => Object.values(refs).map(({ kind }) => kind)),
  )
  expect(kinds).toContain('lower')
})

describe('what is not understood is refused, never guessed', () => {
  let glue: string
  beforeAll(async () => {
    glue = await glueOf('async', { start: '(i32.const 0)', again: '(i32.const 0)' })
  })

  const changed = (from: string | RegExp, to: string): string => {
    const other = glue.replace(from, to)
    if (other === glue) throw new Error(`the glue has no ${from}`)
    return other
  }

  test.each([
    ['no handler', /return \{ handler: .*\}/, 'return {}', /could not be read at: the export handle/],
    [
      'a core module from elsewhere',
      "getCoreModule('fn.core.wasm')",
      'elsewhere()',
      /could not be read at: core module/,
    ],
    [
      'imports that are computed',
      "'[task-return]handle': Object",
      "['[task-return]handle']: Object",
      /could not be read at: imports/,
    ],
    ['an unknown trampoline', 'taskReturn.bind(', 'somethingNew.bind(', /cannot link: somethingNew\.bind/],
    [
      'an unknown string encoding',
      "stringEncoding: 'utf8',\n  },\n  );",
      "stringEncoding: 'utf9',\n  },\n  );",
      /string encoding utf9/,
    ],
    [
      'a callback from nowhere',
      'getCallbackFn: () => callback_0',
      'getCallbackFn: () => callback_9',
      /the callback of export handle/,
    ],
    ['a result of another type', 'elemLiftFn: _liftFlatU8', 'elemLiftFn: _liftFlatU16', /other types/],
    ['arguments of another layout', 'setUint32(ptr0 + 8', 'setUint16(ptr0 + 8', /other types/],
  ])('%s', (_name, from, to, error) => {
    const source = changed(from, to)
    expect(() => readLinkPlan(source)).toThrow(
      expect.objectContaining({ code: 'Build', message: expect.stringMatching(error) }),
    )
  })
})
