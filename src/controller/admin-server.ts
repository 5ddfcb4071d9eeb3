/**
 * What the operator may do with accounts, over a Unix socket in the run folder: only who may read the data folder comes
 * here. Workers do not know of it, so nothing of it can be reached from the public port.
 */
import { chmodSync } from 'node:fs'
import { Hono } from 'hono'
import { z } from 'zod'
import { ThawError, toWireError } from '../errors.ts'
import type { Accounts } from '../identity/accounts.ts'
import { startControlServer } from './control-server.ts'

const newAccountSchema = z.strictObject({ accountId: z.string().optional(), name: z.string().optional() })

/** The CLI calls it in its own process while no server runs. */
export function createAdminApi(accounts: Accounts): Hono {
  const app = new Hono()
  app.get('/accounts', async (c) => c.json(await accounts.list()))
  app.post('/accounts', async (c) => {
    const parsed = newAccountSchema.safeParse(await c.req.json())
    if (!parsed.success) throw new ThawError('InvalidParameterValue', 'An account has an accountId and a name.')
    const account = await accounts.create(parsed.data)
    return c.json({ account, key: await accounts.createKey(account.accountId) })
  })
  app.post('/accounts/:id/disable', async (c) => c.json(await accounts.setDisabled(c.req.param('id'), true)))
  app.post('/accounts/:id/enable', async (c) => c.json(await accounts.setDisabled(c.req.param('id'), false)))
  app.post('/accounts/:id/keys', async (c) => c.json(await accounts.createKey(c.req.param('id'))))
  app.get('/accounts/:id/keys', async (c) => c.json(await accounts.listKeys(c.req.param('id'))))
  app.get('/keys', async (c) => c.json(await accounts.listKeys()))
  app.delete('/keys/:id', async (c) => {
    await accounts.deleteKey(c.req.param('id'))
    return c.json({ deleted: c.req.param('id') })
  })
  app.onError((error) => {
    const { status, body } = toWireError(error)
    return Response.json({ message: body.message ?? body.Message }, { status })
  })
  return app
}

export async function startAdminServer(accounts: Accounts, socketPath: string): Promise<AsyncDisposable> {
  const server = await startControlServer(createAdminApi(accounts), socketPath)
  // The folder is the owner's alone already; so is the socket, wherever it may be moved.
  chmodSync(socketPath, 0o600)
  return server
}
