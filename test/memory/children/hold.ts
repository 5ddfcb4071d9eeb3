/** Takes slots, says so, and waits to be killed. */
import { SharedPage } from '../../../src/memory/shared-page.ts'

const [path = '', owner = '', count = ''] = process.argv.slice(2)
const page = SharedPage.open(path)
for (let taken = 0; taken < Number(count); taken++) page.slots.acquire(taken % 2, Number(owner))
process.send?.('holding')
process.once('disconnect', () => process.exit())
