/** Takes and gives back slots of a shared page as fast as it can, and checks that no other process has the same one. */
import { SharedPage } from '../../../src/memory/shared-page.ts'

const [path = '', owner = '', rounds = ''] = process.argv.slice(2)
const page = SharedPage.open(path)
const words = new Int32Array(page.memory.buffer)
/** Words of the page that nothing else uses, in its last pool: the rounds of all processes, then one for each slot. */
const TOTAL = 20_000
const GUARD = 20_001
const POOL = 3

let clashes = 0
let beyondLimit = 0
process.send?.('ready')
await new Promise((resolve) => process.once('message', resolve))
for (let taken = 0; taken < Number(rounds);) {
  const slot = page.slots.acquire(POOL, Number(owner))
  if (slot === -1) continue
  if (Atomics.add(words, GUARD + (slot % 1_000), 1) !== 0) clashes++
  if (slot % 1_000 >= page.slots.limit(POOL)) beyondLimit++
  taken++
  Atomics.add(words, TOTAL, 1)
  Atomics.sub(words, GUARD + (slot % 1_000), 1)
  try {
    page.slots.release(slot, Number(owner))
  } catch {
    clashes++
  }
}
process.send?.({ clashes, beyondLimit })
process.disconnect?.()
