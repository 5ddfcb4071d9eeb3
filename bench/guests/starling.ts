/** StarlingMonkey components by `jco componentize`: some ten seconds each, so they are kept. */
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { cached, hashOfFiles, repository } from '../cache.ts'
import { NotMeasured } from '../figure.ts'
import { witDocument } from '../../src/build/guest-sdk.ts'
import { starlingSource } from './sources.ts'

const run = promisify(execFile)

/** Path of an echo of the world `thaw:function`, lifted synchronously. Errors: NotMeasured. */
export async function starlingComponent(variant: number, onStep: (text: string) => void): Promise<string> {
  const source = starlingSource(variant)
  // It exports `handle` synchronously; the component model lets a host take either for the other (guest-sdk/wit).
  const wit = witDocument().replaceAll('async func', 'func')
  return cached(`starling-${variant}`, hashOfFiles(['package-lock.json'], source, wit), (path) => {
    onStep('building a StarlingMonkey component for the first time')
    const jco = join(repository, 'node_modules', '@bytecodealliance', 'jco', 'dist', 'jco.js')
    return componentize(jco, { source, wit, world: 'function', disable: ['http', 'fetch-event'] }, path)
  })
}

export interface ComponentizeInput {
  source: string
  /** One WIT document with all its packages. */
  wit: string
  world: string
  disable: string[]
}

/** `jco`: path of its command. Errors: NotMeasured, with what it printed. */
export async function componentize(jco: string, input: ComponentizeInput, out: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'thaw-bench-starling-'))
  try {
    mkdirSync(join(folder, 'wit'))
    writeFileSync(join(folder, 'wit', 'world.wit'), input.wit)
    writeFileSync(join(folder, 'echo.js'), input.source)
    const disable = input.disable.length === 0 ? [] : ['--disable', ...input.disable]
    const args = [jco, 'componentize', 'echo.js', '-w', 'wit', '-n', input.world, ...disable, '-o', out]
    await run(process.execPath, args, { cwd: folder })
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause)
    throw new NotMeasured(`jco componentize failed: ${text.slice(0, 600)}`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
