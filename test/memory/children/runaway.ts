/** A worker whose guest never reaches a checkpoint: it holds the thread past its deadline. */
import { EPOCHS_PER_MS } from '../../../src/memory/clock.ts'
import { SharedPage } from '../../../src/memory/shared-page.ts'

const [path = '', index = '', mode = ''] = process.argv.slice(2)
const page = SharedPage.open(path)
const record = page.worker(Number(index))
record.heartbeat()
if (mode === 'deadline') record.setRunning(42, page.now() + 20 * EPOCHS_PER_MS)
process.send?.('running', () => {
  // Not for ever: should the ticker fail, nothing is left behind.
  for (const until = performance.now() + 20_000; performance.now() < until;);
})
