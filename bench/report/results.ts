/** What a run leaves behind: one JSON file, and the plots, under bench/results (not committed). */
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import { join } from 'node:path'
import { repository } from '../cache.ts'
import { verdictOf } from './format.ts'
import { targetsOf, type Outcome } from './terminal.ts'

export interface Machine {
  cpu: string
  cores: number
  memoryGib: number
  kernel: string
  node: string
  commit: string
}

export function machine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGib: Math.round(totalmem() / 2 ** 30),
    kernel: `${process.platform} ${release()} ${process.arch}`,
    node: process.version,
    commit: commit(),
  }
}

function commit(): string {
  try {
    const git = (...args: string[]) =>
      execFileSync('git', args, { cwd: repository, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
    return git('rev-parse', '--short', 'HEAD') + (git('status', '--porcelain', 'src') === '' ? '' : ' with changes')
  } catch {
    return 'unknown'
  }
}

export interface Run {
  quick: boolean
  startedAt: Date
  seconds: number
  machine: Machine
  outcomes: readonly Outcome[]
}

/** Returns the paths written. `latest.json` and the plots are those of the last run. */
export function writeResults({ quick, startedAt, seconds, machine, outcomes }: Run): string[] {
  const folder = join(repository, 'bench', 'results')
  mkdirSync(folder, { recursive: true })
  const document = {
    startedAt: startedAt.toISOString(),
    quick,
    seconds,
    machine,
    targets: targetsOf(outcomes).map((target) => Object.assign({}, target, { verdict: verdictOf(target) })),
    figures: outcomes.map(({ figure, result, reason, seconds }) => ({
      id: figure.id,
      title: figure.title,
      seconds,
      notMeasured: reason,
      rows: result?.rows,
      notes: result?.notes,
      raw: result?.raw,
    })),
  }
  const paths: string[] = []
  const write = (name: string, text: string): void => {
    const path = join(folder, name)
    writeFileSync(path, text)
    paths.push(path)
  }
  const text = `${JSON.stringify(document, undefined, 1)}\n`
  write(`${startedAt.toISOString().slice(0, 19).replaceAll(':', '-')}.json`, text)
  write('latest.json', text)
  for (const { result } of outcomes) for (const { name, svg } of result?.plots ?? []) write(`${name}.svg`, svg)
  return paths
}
