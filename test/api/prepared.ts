/** Functions, versions and aliases that tests of other things begin with. */
import { zip } from '../functions/fakes.ts'
import { account } from './recorded.ts'
import { startApi, type ApiServer, type WireAnswer } from './server.ts'

export const F = '/2015-03-31/functions'

/** As the recorded tests create theirs. */
export async function createActive(
  api: ApiServer,
  FunctionName: string,
  overrides: Record<string, unknown> = {},
): Promise<WireAnswer> {
  const answer = await api.request('POST', F, {
    FunctionName,
    Runtime: 'nodejs24.x',
    Role: `arn:aws:iam::${account}:role/r`,
    Handler: 'handler.handler',
    Timeout: 30,
    Environment: {},
    Code: { ZipFile: zip().toString('base64') },
    ...overrides,
  })
  await api.functions.idle()
  return answer
}

export const publishVersion = (api: ApiServer, name: string): Promise<WireAnswer> =>
  api.request('POST', `${F}/${name}/versions`, {})

export const createAlias = (api: ApiServer, name: string, Name: string, FunctionVersion = '1'): Promise<WireAnswer> =>
  api.request('POST', `${F}/${name}/aliases`, { Name, FunctionVersion })

/** A server that has the active function `f`. */
export async function startWithFunction(...settings: Parameters<typeof startApi>): Promise<ApiServer> {
  const api = await startApi(...settings)
  await createActive(api, 'f')
  return api
}

/** The active function `f`, its version 1, and the alias `live` of it. */
export async function startWithAlias(...settings: Parameters<typeof startApi>): Promise<ApiServer> {
  const api = await startWithFunction(...settings)
  await publishVersion(api, 'f')
  await createAlias(api, 'f', 'live')
  return api
}
