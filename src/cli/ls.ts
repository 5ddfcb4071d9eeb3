import { Command } from 'commander'
import { z } from 'zod'
import { createClient, type Client } from './client.ts'
import { endpointOption, jsonOption, type EndpointOptions, type JsonOptions } from './options.ts'
import { findFunction, type Configuration } from './project/deployment.ts'
import { printResult, table } from './terminal.ts'

const pageSchema = z.object({
  Functions: z.array(z.object({ FunctionName: z.string() })),
  NextMarker: z.string().nullish(),
})

/** Configurations asked for at a time: the list itself says nothing of states. */
const atATime = 16

export function lsCommand(): Command {
  return new Command('ls')
    .description('list functions')
    .addOption(endpointOption())
    .addOption(jsonOption())
    .action(async (options: EndpointOptions & JsonOptions) => {
      const client = createClient(options.endpoint)
      const rows = (await configurationsOf(client)).map((one) => ({
        name: one.FunctionName,
        runtime: one.Runtime,
        memory: one.MemorySize,
        timeout: one.Timeout,
        state: stateOf(one),
        lastModified: one.LastModified,
        // In JSON, and only where there is one.
        egress: one.Egress?.Allow,
      }))
      printResult(options, rows, () =>
        rows.length === 0
          ? ['No functions']
          : table([
              ['NAME', 'RUNTIME', 'MEMORY', 'TIMEOUT', 'STATE', 'LAST MODIFIED'],
              ...rows.map(({ name, runtime, memory, timeout, state, lastModified }) => [
                name,
                runtime,
                `${memory} MB`,
                `${timeout} s`,
                state,
                lastModified,
              ]),
            ]),
      )
    })
}

async function configurationsOf(client: Client): Promise<Configuration[]> {
  const names = await functionNames(client)
  const found: Configuration[] = []
  for (let at = 0; at < names.length; at += atATime) {
    const some = await Promise.all(names.slice(at, at + atATime).map((name) => findFunction(client, name)))
    // Deleted meanwhile: not there.
    for (const one of some) if (one !== undefined) found.push(one)
  }
  return found
}

async function functionNames(client: Client): Promise<string[]> {
  const names: string[] = []
  let marker: string | undefined
  do {
    const query: Record<string, string> = marker === undefined ? {} : { Marker: marker }
    const page = await client.json(pageSchema, { method: 'GET', path: '/2015-03-31/functions', query })
    names.push(...page.Functions.map(({ FunctionName }) => FunctionName))
    marker = page.NextMarker ?? undefined
  } while (marker !== undefined)
  return names
}

function stateOf({ State = '', LastUpdateStatus }: Configuration): string {
  if (State !== 'Active' || LastUpdateStatus === undefined || LastUpdateStatus === 'Successful') return State
  return LastUpdateStatus === 'Failed' ? 'Active, update failed' : 'Active, updating'
}
