import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { transpile } from '@bytecodealliance/jco'
import { componentize } from 'componentize-qjs'
import { describe, expect, test } from 'vitest'
import { findFunction, offered, offeredFunctions, offeredInterfaces, refusal } from '../../src/wasi/offered.ts'
import { TestGuest } from './support.ts'

describe('offered', () => {
  test('are these interfaces of 0.2 and no others', () => {
    // Those of 0.3: p3.test.ts.
    const names = offeredInterfaces().filter((name) => name.startsWith('wasi:') && !name.endsWith('@0.3'))
    expect(names).toEqual([
      'wasi:cli/environment',
      'wasi:cli/exit',
      'wasi:cli/stderr',
      'wasi:cli/stdin',
      'wasi:cli/stdout',
      'wasi:cli/terminal-input',
      'wasi:cli/terminal-output',
      'wasi:cli/terminal-stderr',
      'wasi:cli/terminal-stdin',
      'wasi:cli/terminal-stdout',
      'wasi:clocks/monotonic-clock',
      'wasi:clocks/wall-clock',
      'wasi:filesystem/preopens',
      'wasi:filesystem/types',
      'wasi:http/outgoing-handler',
      'wasi:http/types',
      'wasi:io/error',
      'wasi:io/poll',
      'wasi:io/streams',
      'wasi:random/insecure',
      'wasi:random/insecure-seed',
      'wasi:random/random',
      'wasi:sockets/instance-network',
      'wasi:sockets/ip-name-lookup',
      'wasi:sockets/network',
      'wasi:sockets/tcp',
      'wasi:sockets/tcp-create-socket',
      'wasi:sockets/udp',
      'wasi:sockets/udp-create-socket',
    ])
  })

  test.each(['0.2.0', '0.2.6', '0.2.12'])('in version %s', (version) => {
    expect(offered('wasi:io/streams', version, '[method]output-stream.write')).toBe(true)
    expect(offered('wasi:io/streams', version, '[resource-drop]output-stream')).toBe(true)
  })

  test.each(['0.2.13', '0.2.0-rc-2024-01-01', '0.1.0', '0.2', '0.2.01', '', '10.2.0'])(
    'not in version "%s"',
    (version) => {
      expect(refusal('wasi:io/poll', version, 'poll')).toContain('0.2.0 to 0.2.12')
    },
  )

  test.each([
    ['wasi:sockets/tcp', 'subscribe'],
    ['wasi:http/outgoing-handler', 'send'],
    ['wasi:http/incoming-handler', 'handle'],
    ['wasi:clocks/timezone', 'display'],
    ['toString', 'toString'],
    ['wasi:io/poll', 'poll-list'],
    ['wasi:io/poll', 'constructor'],
    ['wasi:io/poll', '[resource-drop]output-stream'],
    ['wasi:io/poll', '__proto__'],
  ])('not %s %s', (iface, func) => {
    expect(refusal(iface, '0.2.6', func)).toContain(iface)
  })

  test('what is not offered cannot be linked either', () => {
    const guest = new TestGuest()
    expect(() => guest.host.lower('wasi:sockets/tcp', 'x', guest.options)).toThrow('wasi:sockets/tcp x is not offered')
    expect(() => guest.host.drop('wasi:io/poll', 'descriptor')).toThrow('not offered')
  })

  test('only poll and what has "block" in its name may suspend a guest of WASI 0.2', () => {
    const guest = new TestGuest()
    const functions = offeredFunctions().filter(
      ([iface, func]) => /^wasi:[^@]*$/.test(iface) && findFunction(iface, func) !== undefined,
    )
    const blocking = functions.filter(([iface, func]) => guest.host.lower(iface, func, guest.options).mayBlock)
    const named = functions.filter(([, func]) => func === 'poll' || func.includes('block'))
    expect(blocking).toEqual(named)
    expect(blocking).toHaveLength(8)
  })
})

test('everything that a real component imports is offered', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'thaw-wasi-'))
  try {
    const jsSource = 'export const handler = { handle: (event) => event }'
    const jsPath = join(folder, 'main.js')
    await writeFile(jsPath, jsSource)
    const { component } = await componentize({
      witPath: join(import.meta.dirname, '../../guest-sdk/wit'),
      world: 'function',
      jsSource,
      jsPath,
      moduleRoot: folder,
    })
    const { files } = await transpile(component, { name: 'guest', noTypescript: true })
    const modules = Object.entries(files).filter(([name]) => name.endsWith('.wasm'))
    const imports = modules.flatMap(([, bytes]) =>
      WebAssembly.Module.imports(new WebAssembly.Module(Buffer.from(bytes))),
    )
    const host = imports.filter(({ module }) => module.startsWith('wasi:'))
    expect(host.length).toBeGreaterThan(50)
    const refused = host.map(({ module, name }) => refusal(...split(module), name)).filter((why) => why !== undefined)
    expect(refused).toEqual([])
  } finally {
    await rm(folder, { recursive: true })
  }
})

function split(module: string): [iface: string, version: string] {
  const [iface = '', version = ''] = module.split('@')
  return [iface, version]
}
