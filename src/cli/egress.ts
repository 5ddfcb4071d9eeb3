import { Command } from 'commander'
import { ThawError } from '../errors.ts'
import { createClient, type Client } from './client.ts'
import { endpointOption, jsonOption, UsageError, type EndpointOptions, type JsonOptions } from './options.ts'
import { changeConfiguration, findFunction, type Configuration } from './project/deployment.ts'
import { printResult, withProgress } from './terminal.ts'

type Options = EndpointOptions & JsonOptions

/** Where a function's requests may go. */
export function egressCommand(): Command {
  return new Command('egress')
    .description('where a function may send requests: its allow-list, empty unless told otherwise')
    .addCommand(
      common('show', 'print the allow-list').action(async (name: string, options: Options) => {
        const found = await requireFunction(createClient(options.endpoint), name)
        show(options, found)
      }),
    )
    .addCommand(
      common('allow', 'add to the allow-list')
        .argument('<entries...>', 'as https://api.example.com')
        .action(async (name: string, entries: string[], options: Options) => {
          await change(name, options, (before) => [...new Set([...before, ...entries])])
        }),
    )
    .addCommand(
      common('deny', 'take from the allow-list')
        .argument('[entries...]', 'as `thaw egress show` has them')
        .option('--all', 'take all')
        .action(async (name: string, entries: string[], options: Options & { all?: true }) => {
          if ((options.all === true) === entries.length > 0) throw new UsageError('say which entries, or --all')
          await change(name, options, (before) => {
            const unknown = entries.find((entry) => !before.includes(entry))
            if (unknown !== undefined)
              throw new ThawError('Validation', `${unknown} is not in the allow-list of ${name}`)
            return options.all === true ? [] : before.filter((entry) => !entries.includes(entry))
          })
        }),
    )
}

function common(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .argument('<function>', 'name or ARN')
    .addOption(endpointOption())
    .addOption(jsonOption())
}

/** Resolves when it is in force. The server refuses it if somebody else has changed the function meanwhile. */
async function change(name: string, options: Options, decide: (before: string[]) => string[]): Promise<void> {
  const client = createClient(options.endpoint)
  const { RevisionId, Egress } = await requireFunction(client, name)
  const body = { Egress: { Allow: decide(Egress?.Allow ?? []) }, RevisionId }
  show(options, await withProgress(`Updating ${name}`, changeConfiguration(client, name, body)))
}

async function requireFunction(client: Client, name: string): Promise<Configuration> {
  const found = await findFunction(client, name)
  if (found === undefined) throw new ThawError('ResourceNotFound', `There is no function ${name}`)
  return found
}

function show(options: JsonOptions, { FunctionName, Egress }: Configuration): void {
  const allow = Egress?.Allow ?? []
  printResult(options, { name: FunctionName, allow }, () =>
    allow.length === 0 ? [`${FunctionName} may send no requests`] : allow,
  )
}
