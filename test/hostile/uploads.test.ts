/** What is uploaded as a component and cannot be run is refused with the reason. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { componentEmbed, componentNew, parse } from '@bytecodealliance/jco'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { componentToArtifacts } from '../../src/build/component.ts'
import { witDocument } from '../../src/build/guest-sdk.ts'
import { configFromEnvironment } from '../../src/config.ts'
import { ThawError } from '../../src/errors.ts'
import { fixtureText, watComponent, watGuest } from '../support/guests.ts'

const { limits } = configFromEnvironment({})
let artifactsDir: string
beforeAll(async () => {
  artifactsDir = await mkdtemp(join(tmpdir(), 'thaw-uploads-'))
})
afterAll(() => rm(artifactsDir, { recursive: true, force: true }))

/** The reason why it cannot be deployed. Any other kind of error than a build's is a defect. */
async function refusal(component: Uint8Array): Promise<string> {
  try {
    await componentToArtifacts(component, { artifactsDir, limits })
  } catch (error) {
    if (error instanceof ThawError && error.code === 'Build') return error.message
    throw error
  }
  throw new Error('it was deployed')
}

/** The world's own WIT with a change, and what the change needs in code. */
async function variant(change: (wit: string) => string, code = '', world = 'function'): Promise<Uint8Array> {
  const handle = code.includes('#handle')
    ? ''
    : '(func (export "thaw:function/handler@0.1.0#handle") (param i32) (result i32) (i32.const 16))'
  const text = `(module ${code} ${handle} ${fixtureText('prelude.wat')})`
  const embedded = await componentEmbed({ binary: await parse(text), witSource: change(witDocument()), world })
  return componentNew(embedded)
}

const replacing = (from: string, to: string) => (wit: string) => {
  if (!wit.includes(from)) throw new Error(`the WIT has no ${from}`)
  return wit.replace(from, to)
}

/** One more import, of a package of its own. */
async function importing(packageWit: string, wanted: string, code: string): Promise<Uint8Array> {
  return variant(
    (wit) => `${replacing('export handler;', `import ${wanted};\n  export handler;`)(wit)}\n${packageWit}`,
    code,
  )
}

describe('what is no component', () => {
  test('text', async () => {
    expect(await refusal(Buffer.from('export const handler = () => 1'))).toMatch(/^The file is not a valid component/)
  })

  test('nothing', async () => {
    expect(await refusal(new Uint8Array())).toMatch(/^The file is not a valid component/)
  })

  test('a core module', async () => {
    expect(await refusal(await parse('(module (func (export "handle")))'))).toMatch(
      /^The file is a core module, not a component/,
    )
  })

  test('a component cut short', async () => {
    const whole = await watGuest('echo')
    expect(await refusal(whole.subarray(0, whole.length >> 1))).toMatch(/^The file is a component cut short/)
  })

  test('a component with damaged code', async () => {
    const damaged = Buffer.from(await watGuest('echo'))
    // The body of a function: i32.load becomes an opcode that does not exist.
    const at = damaged.indexOf(Buffer.from([0x28, 0x02, 0x00]))
    damaged[at] = 0xff
    expect(await refusal(damaged)).toMatch(/^The file is not a valid component: a core module in it: .*Invalid opcode/)
  })

  test('a WIT package', async () => {
    const wit = await parse(`(component
      (type (component
        (type (component (export "thaw:function/handler@0.1.0" (instance))))
        (export "thaw:made-up/root@0.1.0" (component (type 0)))))
      (export "root" (type 0)))`)
    expect(await refusal(wit)).toMatch(/WIT package/)
  })
})

describe('another world', () => {
  test('without exports', async () => {
    expect(await refusal(await parse('(component)'))).toMatch(/no code in it/)
  })

  test('with another handler', async () => {
    const component = await variant(
      (wit) => `${wit}\npackage a:b { interface other { run: func(); } world only-other { export other; } }`,
      '(func (export "a:b/other#run")) (func (export "thaw:function/handler@0.1.0#handle"))',
      'a:b/only-other',
    )
    expect(await refusal(component)).toMatch(
      /exports none of thaw:function\/handler@0\.1\.0 .*\(it exports a:b\/other\)/,
    )
  })

  test('with another version of it', async () => {
    const component = await variant(
      (wit) => wit.replaceAll('package thaw:function@0.1.0', 'package thaw:function@0.2.0'),
      '(func (export "thaw:function/handler@0.2.0#handle") (param i32) (result i32) (i32.const 16))',
    )
    expect(await refusal(component)).toMatch(/it exports thaw:function\/handler@0\.2\.0/)
  })
})

describe('the handler with other types', () => {
  test.each([
    ['a text for the event', 'event: list<u8>', 'event: string'],
    ['a number less in the context', 'memory-limit-in-mb: u32,', ''],
    ['a smaller number in the context', 'memory-limit-in-mb: u32', 'memory-limit-in-mb: u16'],
    ['a fraction in the context', 'memory-limit-in-mb: u32', 'memory-limit-in-mb: f64'],
    ['a character in the context', 'function-name: string', 'function-name: char'],
    ['a required text', 'tenant-id: option<string>', 'tenant-id: string'],
    ['no error', '-> result<list<u8>, function-error>', '-> list<u8>'],
    ['an error without its type', '-> result<list<u8>, function-error>', '-> result<list<u8>>'],
    ['a text for the error', '-> result<list<u8>, function-error>', '-> result<list<u8>, string>'],
    ['an error without a trace', 'trace: list<string>', 'trace: string'],
    [
      'fields in another order',
      'aws-request-id: string,\n    function-name: string,',
      'function-name: string,\n    aws-request-id: string,',
    ],
  ])('%s', async (_name, from, to) => {
    const component = await variant(replacing(from, to))
    expect(await refusal(component)).toMatch(/thaw:function\/handler.* other types/)
  })
})

describe('imports that Thaw does not offer are named', () => {
  test.each([
    [
      'wasi:messaging',
      'package wasi:messaging@0.2.0 { interface producer { send: func(message: u32) -> u32; } }',
      'wasi:messaging/producer@0.2.0',
      'send',
    ],
    [
      'wasi:sockets',
      'package wasi:sockets@0.2.0 { interface tcp { connect: func(host: u32) -> u32; } }',
      'wasi:sockets/tcp@0.2.0',
      'connect',
    ],
    [
      'a package of nobody',
      'package acme:rockets@1.2.3 { interface engine { fire: func(thrust: u32) -> u32; } }',
      'acme:rockets/engine@1.2.3',
      'fire',
    ],
    [
      'a function that no version has',
      'package wasi:keyvalue@0.2.0 { interface store { open: func(name: u32) -> u32; } }',
      'wasi:keyvalue/store@0.2.0',
      'open',
    ],
  ])('%s', async (_name, wit, iface, func) => {
    const code = `(import "${iface}" "${func}" (func $imported (param i32) (result i32)))
      (func (export "thaw:function/handler@0.1.0#handle") (param i32) (result i32) (call $imported (i32.const 0)))`
    expect(await refusal(await importing(wit, iface, code))).toBe(
      `The component imports what Thaw does not offer: ${iface}#${func}`,
    )
  })

  test('a later WASI than the one offered', async () => {
    const code = `(import "wasi:cli/stdout@0.3.0" "get-stdout" (func $imported (result i32)))
      (func (export "thaw:function/handler@0.1.0#handle") (param i32) (result i32) (call $imported))`
    const wit = 'package wasi:cli@0.3.0 { interface stdout { get-stdout: func() -> u32; } }'
    expect(await refusal(await importing(wit, 'wasi:cli/stdout@0.3.0', code))).toMatch(
      /does not offer: wasi:cli\/stdout@0\.3\.0#get-stdout/,
    )
  })

  test('a function of the world itself', async () => {
    const component = await variant(
      replacing('export handler;', 'import bare: func(number: u32) -> u32;\n  export handler;'),
      `(import "$root" "bare" (func $imported (param i32) (result i32)))
      (func (export "thaw:function/handler@0.1.0#handle") (param i32) (result i32) (call $imported (i32.const 0)))`,
    )
    expect(await refusal(component)).toBe('The component imports what Thaw does not offer: bare#bare')
  })

  test('an import called asynchronously', async () => {
    const component = await variant(
      (wit) =>
        `${replacing('export handler;', 'import acme:slow/work@1.0.0;\n  export handler;')(wit)}\npackage acme:slow@1.0.0 { interface work { toil: async func(hours: u32) -> u32; } }`,
      `(import "acme:slow/work@1.0.0" "[async-lower]toil" (func $imported (param i32 i32) (result i32)))
      (func (export "thaw:function/handler@0.1.0#handle") (param i32) (result i32) (call $imported (i32.const 0) (i32.const 64)))`,
    )
    expect(await refusal(component)).toBe('The component imports what Thaw does not offer: acme:slow/work@1.0.0#toil')
  })
})

describe('parts of the component model that cannot be linked are named', () => {
  test('a resource of its own', async () => {
    const component = await variant(
      (wit) =>
        `${replacing('export handler;', 'export handler;\n  export acme:things/shelf@1.0.0;')(wit)}\npackage acme:things@1.0.0 { interface shelf { resource thing { constructor(); } } }`,
      `(import "[export]acme:things/shelf@1.0.0" "[resource-new]thing" (func $new (param i32) (result i32)))
      (func (export "acme:things/shelf@1.0.0#[constructor]thing") (result i32) (call $new (i32.const 1)))`,
    )
    expect(await refusal(component)).toMatch(/cannot link|could not be read/)
  })
})

describe('what its code may not have', () => {
  test('threads', async () => {
    const component = await watComponent(`
      (func (export "thaw:function/handler@0.1.0#handle") (param i32) (result i32)
        (drop (i32.atomic.load (i32.const 0))) (i32.const 16))`)
    expect(await refusal(component)).toMatch(/threads/)
  })

  test('a name that is kept for the host', async () => {
    const component = await watComponent(`
      (func (export "$x"))
      (func (export "thaw:function/handler@0.1.0#handle") (param i32) (result i32) (i32.const 16))`)
    expect(await refusal(component)).toMatch(/kept for Thaw/)
  })

  test('an init that traps', async () => {
    const component = await watComponent(`
      (func $init (unreachable))
      (start $init)
      (func (export "thaw:function/handler@0.1.0#handle") (param i32) (result i32) (i32.const 16))`)
    expect(await refusal(component)).toMatch(/failed during init: .*unreachable/)
  })

  test('an init that exits', async () => {
    const component = await watComponent(`
      (import "wasi:cli/exit@0.2.0" "exit" (func $exit (param i32)))
      (func $init (call $exit (i32.const 1)))
      (start $init)
      (func (export "thaw:function/handler@0.1.0#handle") (param i32) (result i32) (i32.const 16))`)
    expect(await refusal(component)).toMatch(/exited during init/)
  })

  test('an init that waits', async () => {
    const component = await watComponent(`
      (import "wasi:clocks/monotonic-clock@0.2.0" "subscribe-duration" (func $timer (param i64) (result i32)))
      (import "wasi:io/poll@0.2.0" "[method]pollable.block" (func $block (param i32)))
      (func $init (call $block (call $timer (i64.const 1000000))))
      (start $init)
      (func (export "thaw:function/handler@0.1.0#handle") (param i32) (result i32) (i32.const 16))`)
    expect(await refusal(component)).toMatch(/failed during init/)
  })

  test('an init that leaves a timer', async () => {
    const component = await watComponent(`
      (import "wasi:clocks/monotonic-clock@0.2.0" "subscribe-duration" (func $timer (param i64) (result i32)))
      (func $init (drop (call $timer (i64.const 3600000000000))))
      (start $init)
      (func (export "thaw:function/handler@0.1.0#handle") (param i32) (result i32) (i32.const 16))`)
    expect(await refusal(component)).toMatch(/init left a wasi:io pollable open/)
  })

  test('an init that changes a table', async () => {
    const component = await watComponent(`
      (table $table 2 funcref)
      (elem (i32.const 0) $one $two)
      (func $one) (func $two)
      (func $init (table.set $table (i32.const 0) (ref.func $two)))
      (start $init)
      (func (export "thaw:function/handler@0.1.0#handle") (param i32) (result i32) (i32.const 16))`)
    expect(await refusal(component)).toMatch(/Init changed table/)
  })
})

test('and after all that, a component is still deployed', async () => {
  await expect(componentToArtifacts(await watGuest('echo'), { artifactsDir, limits })).resolves.toMatchObject({
    warnings: [],
  })
})
