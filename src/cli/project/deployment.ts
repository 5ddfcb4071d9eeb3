/** A folder's function on a server: made or brought up to date, over the Lambda API. */
import { setTimeout as wait } from 'node:timers/promises'
import { z } from 'zod'
import { ThawError } from '../../errors.ts'
import { faultOf, ServiceFault, type Client } from '../client.ts'
import type { Project } from './project.ts'

/** Any role will do: Thaw gives functions no access to AWS. */
const role = 'arn:aws:iam::000000000000:role/thaw'
const pollMs = 20

export const configurationSchema = z.object({
  FunctionName: z.string(),
  FunctionArn: z.string(),
  Runtime: z.string(),
  Handler: z.string(),
  CodeSize: z.number(),
  CodeSha256: z.string(),
  Timeout: z.number(),
  MemorySize: z.number(),
  LastModified: z.string(),
  Version: z.string(),
  RevisionId: z.string(),
  Environment: z.object({ Variables: z.record(z.string(), z.string()) }).optional(),
  Egress: z.object({ Allow: z.array(z.string()) }).optional(),
  State: z.string().optional(),
  StateReason: z.string().optional(),
  LastUpdateStatus: z.string().optional(),
  LastUpdateStatusReason: z.string().optional(),
  BuildWarnings: z.array(z.string()).default([]),
})
export type Configuration = z.infer<typeof configurationSchema>

export const functionPath = (name: string, rest = ''): string =>
  `/2015-03-31/functions/${encodeURIComponent(name)}${rest}`

/** Undefined if there is none. */
export async function findFunction(
  client: Client,
  name: string,
  qualifier?: string,
): Promise<Configuration | undefined> {
  try {
    return await client.json(configurationSchema, {
      method: 'GET',
      path: functionPath(name, '/configuration'),
      ...(qualifier === undefined ? {} : { query: { Qualifier: qualifier } }),
    })
  } catch (error) {
    if (error instanceof ServiceFault && error.status === 404) return undefined
    throw error
  }
}

/** Resolves when what was deployed is what runs. Throws `Build` with the reason why it cannot. */
export async function deployProject(client: Client, project: Project, zip: Buffer): Promise<Configuration> {
  const found = await findFunction(client, project.name)
  if (found === undefined) await create(client, project, zip)
  else {
    // Settled, whether or not the old code goes with it: the new code comes next.
    if (differs(found, project)) await settledChange(client, project.name, settingsOf(project))
    await updateCode(client, project.name, zip)
  }
  return running(await settled(client, project.name))
}

/** The code alone, as `deployProject`. */
export async function updateCode(client: Client, name: string, zip: Buffer): Promise<Configuration> {
  await client.json(configurationSchema, {
    method: 'PUT',
    path: functionPath(name, '/code'),
    body: { ZipFile: zip.toString('base64') },
  })
  return settled(client, name)
}

/** Settings of a function, as `UpdateFunctionConfiguration` takes them. Resolves when they are in force; errors as `running`. */
export async function changeConfiguration(client: Client, name: string, body: unknown): Promise<Configuration> {
  return running(await settledChange(client, name, body))
}

async function settledChange(client: Client, name: string, body: unknown): Promise<Configuration> {
  await client.json(configurationSchema, { method: 'PUT', path: functionPath(name, '/configuration'), body })
  return settled(client, name)
}

/** Throws `Build` if the last change failed. */
export function running(configuration: Configuration): Configuration {
  const { State, StateReason, LastUpdateStatus, LastUpdateStatusReason } = configuration
  if (State === 'Failed') throw new ThawError('Build', StateReason ?? 'The function failed')
  if (LastUpdateStatus === 'Failed') throw new ThawError('Build', LastUpdateStatusReason ?? 'The update failed')
  return configuration
}

async function create(client: Client, project: Project, zip: Buffer): Promise<void> {
  await client.json(configurationSchema, {
    method: 'POST',
    path: '/2015-03-31/functions',
    body: { FunctionName: project.name, Role: role, ...settingsOf(project), Code: { ZipFile: zip.toString('base64') } },
  })
}

async function settled(client: Client, name: string): Promise<Configuration> {
  for (;;) {
    const found = await findFunction(client, name)
    if (found === undefined) throw new ThawError('Build', `${name} was deleted while it was being deployed`)
    if (found.State !== 'Pending' && found.LastUpdateStatus !== 'InProgress') return found
    await wait(pollMs)
  }
}

const settingsOf = ({ runtime, handler, memory, timeout, environment, egress }: Project) => ({
  Runtime: runtime,
  Handler: handler,
  MemorySize: memory,
  Timeout: timeout,
  Environment: { Variables: environment },
  // A folder that says nothing of it leaves what there is.
  ...(egress !== undefined && { Egress: { Allow: egress } }),
})

function differs(found: Configuration, project: Project): boolean {
  const { runtime, handler, memory, timeout, environment, egress } = project
  const text = (value: Record<string, string>) => JSON.stringify(Object.entries(value).toSorted())
  return (
    found.Runtime !== runtime ||
    found.Handler !== handler ||
    found.MemorySize !== memory ||
    found.Timeout !== timeout ||
    text(found.Environment?.Variables ?? {}) !== text(environment) ||
    (egress !== undefined && JSON.stringify(found.Egress?.Allow ?? []) !== JSON.stringify(egress))
  )
}

/** A version of what is deployed; the same one if nothing has changed. Resolves when it runs. */
export async function publishVersion(client: Client, name: string): Promise<string> {
  const { Version } = await client.json(configurationSchema, {
    method: 'POST',
    path: functionPath(name, '/versions'),
    body: {},
  })
  for (;;) {
    const found = await findFunction(client, name, Version)
    if (found !== undefined && found.State !== 'Pending') return running(found).Version
    await wait(pollMs)
  }
}

export async function pointAlias(client: Client, name: string, alias: string, version: string): Promise<void> {
  const path = functionPath(name, `/aliases/${encodeURIComponent(alias)}`)
  const updated = await client.send({ method: 'PUT', path, body: { FunctionVersion: version } })
  if (updated.status === 404) {
    const body = { Name: alias, FunctionVersion: version }
    await client.json(z.unknown(), { method: 'POST', path: functionPath(name, '/aliases'), body })
  } else if (updated.status >= 300) throw faultOf(updated)
}

const urlSchema = z.object({ FunctionUrl: z.string() })

/** A function URL that anybody may call, of the function itself. Returns it. */
export async function openUrl(client: Client, name: string): Promise<string> {
  const path = `/2021-10-31/functions/${encodeURIComponent(name)}/url`
  const found = await client.send({ method: 'GET', path })
  if (found.status < 300) return urlSchema.parse(JSON.parse(found.body.toString())).FunctionUrl
  const { FunctionUrl } = await client.json(urlSchema, { method: 'POST', path, body: { AuthType: 'NONE' } })
  await client
    .json(z.unknown(), {
      method: 'POST',
      path: functionPath(name, '/policy'),
      body: {
        StatementId: 'thaw-url',
        Action: 'lambda:InvokeFunctionUrl',
        Principal: '*',
        FunctionUrlAuthType: 'NONE',
      },
    })
    .catch((error: unknown) => {
      // The permission is there already.
      if (!(error instanceof ServiceFault && error.status === 409)) throw error
    })
  return FunctionUrl
}
