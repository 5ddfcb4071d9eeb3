import { spawn } from 'node:child_process'
import { tmpdir } from 'node:os'
import { Command } from 'commander'
import { configFromEnvironment, type Config } from '../config.ts'
import { loadLibc } from '../memory/libc.ts'
import { createRestorer, probeRestoreWays } from '../snapshot/restorer.ts'

interface Check {
  name: string
  ok: boolean
  /** Thaw does without it, at a cost that `detail` names. */
  optional: boolean
  detail: string
}

export interface Diagnosis {
  /** Everything that is needed is there. */
  ok: boolean
  node: string
  platform: string
  /** The way instances are restored here, by the configuration at hand. */
  restore: string
  checks: Check[]
  limits: Config['limits']
}

export function doctorCommand(): Command {
  return new Command('doctor')
    .description('what this machine offers: Node, FFI, the way instances are restored, limits')
    .option('--json', 'print JSON')
    .action(async ({ json }: { json?: true }) => {
      const found = await diagnose(configFromEnvironment(process.env))
      process.stdout.write(json === true ? `${JSON.stringify(found, undefined, 2)}\n` : text(found))
      if (!found.ok) process.exitCode = 1
    })
}

export async function diagnose(config: Config): Promise<Diagnosis> {
  const major = Number(process.versions.node.split('.')[0])
  const ffi = loadLibc() !== undefined
  const checks: Check[] = [
    { name: 'Node 26', ok: major >= 26, optional: false, detail: process.version },
    { name: 'JSPI', ok: hasJspi(), optional: false, detail: 'guests wait on host calls without holding the thread' },
    { name: 'FFI (koffi)', ok: ffi, optional: false, detail: 'workers and controller share a page of memory by it' },
    { name: 'permission model', ...(await permissionModel()), optional: false },
    {
      name: 'parent-death signal',
      ok: process.platform === 'linux',
      optional: true,
      detail: 'without it, workers of a killed controller end once their event loop turns',
    },
    ...probeRestoreWays().map(({ way, works, reason }) => ({
      name: `restore by ${wayNames[way]}`,
      ok: works,
      optional: true,
      detail: reason ?? 'works',
    })),
  ]
  return {
    ok: checks.every(({ ok, optional }) => ok || optional),
    node: process.version,
    platform: `${process.platform}-${process.arch}`,
    restore: wayInUse(config),
    checks,
    limits: config.limits,
  }
}

const wayNames = { scan: 'PAGEMAP_SCAN', pagemap: '/proc/self/pagemap', copy: 'copying' }

function hasJspi(): boolean {
  return 'Suspending' in WebAssembly && 'promising' in WebAssembly
}

function wayInUse(config: Config): string {
  try {
    using restorer = createRestorer(config.restore)
    return restorer.way
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** A process under the model, which must not be able to write. */
function permissionModel(): Promise<Pick<Check, 'ok' | 'detail'>> {
  const attempt =
    "try { require('fs').writeFileSync('thaw-doctor', '') } catch (e) { process.exit(e.code === 'ERR_ACCESS_DENIED' ? 7 : 1) }"
  const child = spawn(process.execPath, ['--permission', '-e', attempt], { stdio: 'ignore', cwd: tmpdir() })
  return new Promise((resolve) => {
    child.on('error', (error) => resolve({ ok: false, detail: error.message }))
    child.on('exit', (code) =>
      resolve({
        ok: code === 7,
        detail: code === 7 ? 'workers cannot write or spawn' : 'a process under it could write',
      }),
    )
  })
}

function text({ node, platform, restore, checks, limits }: Diagnosis): string {
  const width = Math.max(...checks.map(({ name }) => name.length))
  const lines = checks.map(({ name, ok, optional, detail }) => {
    const mark = ok ? 'yes' : optional ? 'no ' : 'NO '
    return `  ${mark}  ${name.padEnd(width)}  ${detail}`
  })
  const named = Object.entries(limits).map(([name, value]) => `  ${name.padEnd(20)} ${value}`)
  return [`Node ${node} on ${platform}; instances are restored by: ${restore}`, ...lines, 'Limits', ...named, ''].join(
    '\n',
  )
}
