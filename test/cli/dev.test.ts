/** `thaw dev` in a pseudo-terminal, as somebody sits before it. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { eventually } from '../controller/support/server.ts'
import { onPath, script } from './support.ts'

const saves = 10
const home = mkdtempSync(join(tmpdir(), 'thaw-test-'))
const folder = join(home, 'project')
/** Where the session's server is: empty when it is over. */
const temporary = join(home, 'tmp')

/** Python's pty where there is no util-linux. The child ends with the terminal's process. */
function inTerminal(args: readonly string[]): ChildProcess {
  const words = [process.execPath, script, ...args]
  const env = { PATH: process.env.PATH, TMPDIR: temporary, TERM: 'xterm' }
  if (onPath('script')) {
    const line = words.map((word) => `'${word}'`).join(' ')
    return spawn('script', ['-qfec', `exec ${line}`, '/dev/null'], { env })
  }
  const program = 'import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))'
  return spawn('python3', ['-c', program, ...words], { env })
}

/** A function of 100 lines. */
const source = (greeting: string): string =>
  [
    `const greeting = '${greeting}'`,
    ...Array.from({ length: 90 }, (_, at) => `const step${at} = (n) => n + ${at} // line ${at + 2}`),
    'export const handler = async ({ fail }) => {',
    "  console.log('called')",
    '  if (fail) throw new RangeError(fail)',
    '  return { greeting, sum: [step0, step42, step89].reduce((sum, step) => step(sum), 0) }',
    '}',
    '',
  ].join('\n')
const save = (text: string): void => writeFileSync(join(folder, 'index.mjs'), text)

let terminal: ChildProcess
let output = ''
let url = ''

/** Resolves when it is on the screen, after `from`. */
async function shown(text: RegExp, from = 0): Promise<string> {
  await eventually(() => text.test(output.slice(from)))
  return text.exec(output.slice(from))?.[1] ?? ''
}

async function call(event: unknown = {}): Promise<Record<string, unknown>> {
  const answer = await fetch(url, { method: 'POST', body: JSON.stringify(event) })
  const parsed: unknown = await answer.json()
  return Object(parsed)
}

beforeAll(async () => {
  mkdirSync(folder)
  mkdirSync(temporary)
  writeFileSync(join(folder, 'thaw.json'), '{"name":"loop"}')
  save(source('first'))
  terminal = inTerminal(['dev', folder, '--port', '0'])
  terminal.stdout?.setEncoding('utf8').on('data', (text: string) => {
    output += stripVTControlCharacters(text).replaceAll('\r\n', '\n')
  })
  let isOver = false
  terminal.once('exit', () => {
    isOver = true
  })
  await eventually(() => isOver || /^Invoke |next save$/m.test(output))
  url = /^Invoke {2}(http:\S+)$/m.exec(output)?.[1] ?? ''
  if (url === '') throw new Error(`thaw dev did not get there: ${output}`)
})
afterAll(async () => {
  terminal.kill('SIGKILL')
  rmSync(home, { recursive: true, force: true })
})

test('answers, and shows the log', async () => {
  expect(await call()).toEqual({ greeting: 'first', sum: 131 })
  await shown(/\tINFO\tcalled\n/)
  expect(output).toMatch(/^(?:Starting[^\n]*\r)?[\s\S]*Thaw runs loop on http:\/\/127\.0\.0\.1:\d+, /)
})

test(`from save to answer it is under a second in the median of ${saves}`, async () => {
  const tookMs: number[] = []
  for (let at = 0; at < saves; at++) {
    const from = output.length
    const began = performance.now()
    save(source(`save ${at}`))
    await shown(/index\.mjs changed: ready in /, from)
    expect(await call()).toMatchObject({ greeting: `save ${at}` })
    tookMs.push(performance.now() - began)
  }
  const median = tookMs.toSorted((a, b) => a - b)[saves / 2] ?? Number.NaN
  process.stdout.write(
    `thaw dev, save to answer, ms: median ${median.toFixed(0)} of ${tookMs.map((ms) => ms.toFixed(0)).join(' ')}\n`,
  )
  expect(median).toBeLessThan(1_000)
})

describe('a broken save', () => {
  test.each([
    [
      'syntax',
      `${source('broken')}\nexport const = 1\n`,
      /\[PARSE_ERROR\][^\n]*\n[\s\S]*index\.mjs:98:\d+[\s\S]*│ export const = 1\n/,
    ],
    [
      'init',
      `${source('broken')}\nnull.x\n`,
      /TypeError: [^\n]*\(index\.mjs:98:\d+\)\n[\s\S]*> 98 \| null\.x\n +\| +\^/,
    ],
    ['settings', undefined, /thaw\.json: memory: [^\n]*128\n/],
  ])('%s: says where, keeps what ran, recovers', async (_, text, said) => {
    save(source('good'))
    await eventually(async () => (await call()).greeting === 'good')
    const from = output.length
    const settings = readFileSync(join(folder, 'thaw.json'), 'utf8')
    if (text === undefined) writeFileSync(join(folder, 'thaw.json'), '{"name":"loop","memory":1}')
    else save(text)
    await shown(/what ran before still runs/, from)
    expect(output.slice(from)).toMatch(said)
    expect(await call()).toMatchObject({ greeting: 'good' })
    writeFileSync(join(folder, 'thaw.json'), settings)
    save(source('mended'))
    await eventually(async () => (await call()).greeting === 'mended')
  })
})

test('what the build warns of is shown', async () => {
  const from = output.length
  save(`${source('warned')}const key = process.env.KEY\n`)
  const place = await shown(/ready in [^\n]+\nwarning: process\.env\.KEY read at (\S+) during init/, from)
  expect(place).toMatch(/^index\.mjs:97:\d+$/)
})

test('what a function throws is shown where it is thrown', async () => {
  const from = output.length
  expect(await call({ fail: 'as asked' })).toMatchObject({ errorType: 'RangeError' })
  await shown(/> 94 \| {3}if \(fail\) throw new RangeError\(fail\)\n +\| +\^/, from)
})

test('the limits are those of production: the function has its timeout', async () => {
  save(`${source('endless')}export const unused = 1\n`.replace("console.log('called')", 'for (;;);'))
  let answer: Record<string, unknown> = {}
  await eventually(async () => {
    answer = await call()
    return answer.errorType !== undefined
  })
  expect(answer).toMatchObject({
    errorType: 'Sandbox.Timedout',
    errorMessage: expect.stringContaining('3.00 seconds'),
  })
})

test('a new file, a new folder, and a new name are taken up', async () => {
  const from = output.length
  mkdirSync(join(folder, 'lib'))
  writeFileSync(join(folder, 'lib', 'a.mjs'), "export const a = 'from lib'")
  save("import { a } from './lib/a.mjs'\nexport const handler = () => ({ a })\n")
  await eventually(async () => (await call()).a === 'from lib')
  writeFileSync(join(folder, 'lib', 'a.mjs'), "export const a = 'again'")
  await eventually(async () => (await call()).a === 'again')
  writeFileSync(join(folder, 'thaw.json'), '{"name":"renamed"}')
  await shown(/thaw\.json changed: ready in/, from)
  expect(await call()).toMatchObject({ Type: 'User' })
  url = url.replace('/loop/', '/renamed/')
  expect(await call()).toEqual({ a: 'again' })
})

test('Ctrl-C ends it and leaves nothing', async () => {
  const exit = once(terminal, 'exit')
  terminal.stdin?.write('\u0003')
  expect(await exit).toEqual([0, null])
  expect(readdirSync(temporary)).toEqual([])
  await expect(fetch(url)).rejects.toThrow('fetch failed')
  expect(existsSync(join(folder, '.thaw'))).toBe(false)
})
