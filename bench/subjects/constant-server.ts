/**
 * A Thaw worker's HTTP stack with nothing behind it: Hono on @hono/node-server, the same route; the body is read whole,
 * and the answer is a constant. What Thaw adds to that is what the ratio shows. argv: the port, shared by SO_REUSEPORT.
 */
import { createServer, type IncomingMessage } from 'node:http'
import { getRequestListener, type HttpBindings } from '@hono/node-server'
import { Hono } from 'hono'
import { constantAnswer } from '../canary.ts'

const app = new Hono<{ Bindings: HttpBindings }>({ strict: false })
app.post('/2015-03-31/functions/:name/invocations', async (c) => {
  await readBody(c.env.incoming)
  return new Response(constantAnswer, { headers: { 'content-type': 'application/json' } })
})
const listener = getRequestListener(app.fetch)
createServer((incoming, outgoing) => void listener(incoming, outgoing)).listen(
  { host: '127.0.0.1', port: Number(process.argv[2]), reusePort: true },
  () => process.send?.('listening'),
)
process.once('disconnect', () => process.exit())

/** As a worker does it: by events, without a stream of Web kind in between. */
function readBody(incoming: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('end', () => {
      const [first] = chunks
      resolve(first !== undefined && chunks.length === 1 ? first : Buffer.concat(chunks))
    })
    incoming.on('error', reject)
  })
}
