/** The way to the accounts: through the server if one runs on the folder, else straight to its database. */
import { mkdir } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { z } from 'zod'
import type { Config } from '../config.ts'
import { createAdminApi } from '../controller/admin-server.ts'
import { lockFolder } from '../controller/folder-lock.ts'
import { socketPathOf } from '../controller/run-folder.ts'
import { ThawError } from '../errors.ts'
import { createAccounts } from '../identity/accounts.ts'
import { createSealer, openSecretKey } from '../identity/secret-key.ts'
import { openDatabase } from '../store/database.ts'
import { createSqliteDocuments } from '../store/sqlite-documents.ts'

/** A call of the admin API (controller/admin-server.ts). Resolves with its answer, throws `Config` with its message. */
export type CallAdmin = (method: 'GET' | 'POST' | 'DELETE', path: string, body?: unknown) => Promise<unknown>

interface Answer {
  status: number
  body: string
}

/** Throws `Config` if the folder is in use by a server that does not listen (yet, or any more). */
export async function callAdmin(
  { dataDir }: Pick<Config, 'dataDir'>,
  ...[method, path, body]: Parameters<CallAdmin>
): Promise<unknown> {
  const payload = body === undefined ? undefined : JSON.stringify(body)
  const answer =
    (await overSocket(socketPathOf(dataDir, 'admin'), method, path, payload)) ??
    (await inProcess(dataDir, method, path, payload))
  const parsed: unknown = JSON.parse(answer.body)
  if (answer.status === 200) return parsed
  throw new ThawError('Config', z.object({ message: z.string() }).parse(parsed).message)
}

/** Undefined if nobody listens. */
function overSocket(socketPath: string, method: string, path: string, payload: string | undefined) {
  return new Promise<Answer | undefined>((resolve, reject) => {
    const outgoing = request({ socketPath, method, path }, (response) => {
      text(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), reject)
    })
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') resolve(undefined)
      else reject(error)
    })
    outgoing.end(payload)
  })
}

async function inProcess(dataDir: string, method: string, path: string, body: string | undefined): Promise<Answer> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  using _lock = lockFolder(dataDir)
  using database = openDatabase({ path: join(dataDir, 'thaw.db') })
  const accounts = createAccounts({
    documents: createSqliteDocuments(database),
    sealer: createSealer(await openSecretKey(dataDir)),
    clock: { now: () => new Date() },
    publish: async () => {},
  })
  const response = await createAdminApi(accounts).request(path, body === undefined ? { method } : { method, body })
  return { status: response.status, body: await response.text() }
}
