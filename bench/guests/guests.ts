/** The functions under test as components and as artifacts, for what is measured in process. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { cached, hashOfFiles } from '../cache.ts'
import { NotMeasured } from '../figure.ts'
import { starlingComponent } from './starling.ts'

/** `-0` and `-1`: two functions of one engine, to re-image between. */
export const guestNames = ['js-0', 'js-1', 'as-0', 'as-1', 'sm-0', 'sm-1'] as const
export type GuestName = (typeof guestNames)[number]

export interface BuiltGuest {
  componentPath: string
  engine: string
  snapshot: string
  initMs: number
}

export interface BuiltGuests {
  artifactsDir: string
  guests: Record<GuestName, BuiltGuest>
  /** The AssemblyScript echo as a plain module, for @assemblyscript/loader. */
  rawModulePath: string
}

export interface Guests {
  /** Made at the first call. Errors: NotMeasured, with the reason. */
  built(): Promise<BuiltGuests>
}

/** What the artifacts are made by, and what their formats follow from. */
export const builtBy = [
  'package-lock.json',
  'guest-sdk',
  'src/build',
  'src/config.ts',
  'src/instance/link.ts',
  'src/instance/plan.ts',
  'src/snapshot',
  'src/wasi',
]

export function createGuests(onStep: (text: string) => void): Guests {
  let built: Promise<BuiltGuests> | undefined
  return {
    built() {
      built ??= buildGuests(onStep)
      return built
    },
  }
}

async function buildGuests(onStep: (text: string) => void): Promise<BuiltGuests> {
  const starling: string[] = []
  for (const variant of [0, 1]) starling.push(await starlingComponent(variant, onStep))
  const key = hashOfFiles([...builtBy, 'bench/guests'], ...starling)
  const folder = await cached('guests', key, async (path) => {
    onStep('building the functions for the first time')
    mkdirSync(path, { recursive: true })
    await runBuild(path, starling)
  })
  const index: Record<GuestName, Omit<BuiltGuest, 'componentPath'>> = JSON.parse(
    readFileSync(join(folder, 'guests.json'), 'utf8'),
  )
  const entry = (name: GuestName): BuiltGuest => ({ ...index[name], componentPath: join(folder, `${name}.wasm`) })
  return {
    artifactsDir: join(folder, 'artifacts'),
    rawModulePath: join(folder, 'raw.wasm'),
    guests: {
      'js-0': entry('js-0'),
      'js-1': entry('js-1'),
      'as-0': entry('as-0'),
      'as-1': entry('as-1'),
      'sm-0': entry('sm-0'),
      'sm-1': entry('sm-1'),
    },
  }
}

/** In a process of its own: builds leave a heap behind, and may poison jco for whoever comes next. */
async function runBuild(folder: string, starling: string[]): Promise<void> {
  const child = fork(new URL('build.ts', import.meta.url), [folder, ...starling], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  let said = ''
  child.stderr?.on('data', (data: Buffer) => (said += data.toString()))
  const [code]: unknown[] = await once(child, 'close')
  if (code !== 0) throw new NotMeasured(`the functions could not be built: ${said.trim().slice(0, 600)}`)
}
