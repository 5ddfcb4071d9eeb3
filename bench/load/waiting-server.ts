/** A server that takes its time: whoever a guest calls. argv: ms until it answers. Sends its port to its parent. */
import { createServer } from 'node:http'

const waitMs = Number(process.argv[2])
const server = createServer((incoming, outgoing) => {
  incoming.resume()
  setTimeout(() => outgoing.end('waited\n'), waitMs)
})
server.listen(0, 'localhost', () => {
  const address = server.address()
  if (address !== null && typeof address === 'object') process.send?.(address.port)
})
process.once('disconnect', () => process.exit())
