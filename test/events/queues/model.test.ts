/** Random histories on a standard and a FIFO queue, against the model, with the database reopened in between. */
import { join } from 'node:path'
import { assert as holds, asyncProperty } from 'fast-check'
import { expect, it } from 'vitest'
import { temporaryFolder } from '../../store/temp.ts'
import { histories, History, type Step } from './model.ts'

async function keepsPromises(path: string, fifo: boolean, taken: readonly Step[]): Promise<void> {
  const history = new History(path, fifo)
  await history.open()
  try {
    for (const step of taken) await history.take(step)
    await history.drain()
  } finally {
    await history.close()
  }
}

const kinds: [string, boolean][] = [
  ['standard', false],
  ['FIFO', true],
]

it.each(kinds)('a %s queue keeps its promises over random histories', async (_, fifo) => {
  const property = asyncProperty(histories, (taken) => keepsPromises(':memory:', fifo, taken))
  await expect(holds(property, { numRuns: 200 })).resolves.toBeUndefined()
})

it.each(kinds)('a %s queue keeps them when its file is closed and opened in between', async (_, fifo) => {
  const folder = await temporaryFolder()
  let runs = 0
  const property = asyncProperty(histories, (taken) => {
    return keepsPromises(join(folder, `${runs++}`, 'thaw.sqlite'), fifo, taken)
  })
  await expect(holds(property, { numRuns: 20 })).resolves.toBeUndefined()
})
