/** HTTP components behind function URLs: how many requests a second, how long they wait, how they stream. */
import { availableParallelism } from 'node:os'
import type { BenchContext, Figure, FigureResult, Row, Target } from '../figure.ts'
import { startThaw } from '../subjects/thaw.ts'
import { firstByteTarget, measureFirstByte } from './http-first-byte.ts'
import { measureRates, rateTargets } from './http-rates.ts'
import { measureVolume, volumeTargets } from './http-volume.ts'
import { measureWaits, waitTarget } from './http-waits.ts'

/** Of one part of the figure. */
export interface HttpPart {
  rows: Row[]
  targets: Target[]
  notes: string[]
  raw?: unknown
}

export const httpFigure: Figure = {
  id: 'http',
  title: 'HTTP components',
  targets: [...rateTargets, waitTarget, firstByteTarget, ...volumeTargets],
  needs: ['peers', 'deployedHttp'],
  measure,
}

async function measure(context: BenchContext): Promise<FigureResult> {
  const dataDir = await context.deployedHttp.folder()
  const parts = [await measureRates(context, dataDir, availableParallelism())]
  {
    await using thaw = await startThaw({ dataDir, workers: 1 })
    parts.push(await measureWaits(context, thaw))
    parts.push(await measureFirstByte(context, thaw))
    parts.push(await measureVolume(context, thaw))
  }
  return {
    rows: parts.flatMap(({ rows }) => rows),
    targets: parts.flatMap(({ targets }) => targets),
    notes: parts.flatMap(({ notes }) => notes),
    raw: parts.map(({ raw }) => raw),
  }
}
