import { Command, Option } from 'commander'
import { z } from 'zod'
import { createClient, faultOf, type Client } from './client.ts'
import { endpointOption, jsonOption, type EndpointOptions, type JsonOptions } from './options.ts'
import { printResult, table } from './terminal.ts'

const routeSchema = z.object({
  RouteId: z.string(),
  Host: z.string(),
  Path: z.string(),
  Methods: z.array(z.string()).optional(),
  FunctionArn: z.string(),
  AuthType: z.enum(['NONE', 'AWS_IAM']),
  InvokeMode: z.enum(['BUFFERED', 'RESPONSE_STREAM']),
})
type Route = z.infer<typeof routeSchema>
const pageSchema = z.object({ Routes: z.array(routeSchema), NextMarker: z.string().optional() })

const routesPath = '/2026-11-22/routes'

type Options = EndpointOptions & JsonOptions

interface AddOptions extends Options {
  host: string
  path: string
  function: string
  method?: string[]
  auth: string
  stream?: true
}

/** Hosts and paths that functions answer. */
export function routeCommand(): Command {
  return new Command('route')
    .description('hosts and paths on the public port that functions answer')
    .addCommand(
      common('add', 'let a function answer a host and path')
        .requiredOption('--host <name>', 'api.example.com, or *.example.com')
        .option('--path <pattern>', '/users/* with all below, /users/*/posts, /health', '/*')
        .requiredOption('--function <name>', 'name, name:alias, name:version or ARN')
        .option('--method <names...>', 'GET, POST and so on; all if left out')
        .addOption(new Option('--auth <type>', 'who may call').choices(['NONE', 'AWS_IAM']).default('NONE'))
        .option('--stream', 'send the response as it comes')
        .action(async (options: AddOptions) => {
          const { host, path, method, auth, stream } = options
          const made = await createClient(options.endpoint).json(routeSchema, {
            method: 'POST',
            path: routesPath,
            body: {
              Host: host,
              Path: path,
              Methods: method?.map((name) => name.toUpperCase()),
              FunctionName: options.function,
              AuthType: auth,
              InvokeMode: stream === true ? 'RESPONSE_STREAM' : 'BUFFERED',
            },
          })
          printResult(options, shown(made), () => [`Route ${made.RouteId}: ${text(made)}`])
        }),
    )
    .addCommand(
      common('ls', 'list routes')
        .option('--function <name>', 'those of this function only')
        .action(async (options: Options & { function?: string }) => {
          const rows = (await routesOf(createClient(options.endpoint), options.function)).map(shown)
          printResult(options, rows, () =>
            rows.length === 0
              ? ['No routes']
              : table([
                  ['ID', 'HOST', 'PATH', 'METHODS', 'FUNCTION', 'AUTH', 'MODE'],
                  ...rows.map((row) => [
                    row.id,
                    row.host,
                    row.path,
                    row.methods.join(',') || 'all',
                    row.function,
                    row.auth,
                    row.mode,
                  ]),
                ]),
          )
        }),
    )
    .addCommand(
      common('rm', 'delete a route')
        .argument('<id>')
        .action(async (id: string, options: Options) => {
          const path = `${routesPath}/${encodeURIComponent(id)}`
          const answer = await createClient(options.endpoint).send({ method: 'DELETE', path })
          if (answer.status >= 300) throw faultOf(answer)
          printResult(options, { deleted: id }, () => [`Deleted route ${id}`])
        }),
    )
}

function common(name: string, description: string): Command {
  return new Command(name).description(description).addOption(endpointOption()).addOption(jsonOption())
}

/** By host and path. */
async function routesOf(client: Client, functionName: string | undefined): Promise<Route[]> {
  const found: Route[] = []
  const query: Record<string, string> = functionName === undefined ? {} : { FunctionName: functionName }
  for (;;) {
    const page = await client.json(pageSchema, { method: 'GET', path: routesPath, query })
    found.push(...page.Routes)
    if (page.NextMarker === undefined) break
    query.Marker = page.NextMarker
  }
  return found.toSorted((a, b) => a.Host.localeCompare(b.Host) || a.Path.localeCompare(b.Path))
}

/** `name` or `name:qualifier`: what follows `function:` in an ARN. */
const functionOf = ({ FunctionArn }: Route): string => FunctionArn.split(':').slice(6).join(':')

const shown = (route: Route) => ({
  id: route.RouteId,
  host: route.Host,
  path: route.Path,
  methods: route.Methods ?? [],
  function: functionOf(route),
  auth: route.AuthType,
  mode: route.InvokeMode,
})

const text = (route: Route): string => `${route.Host}${route.Path} to ${functionOf(route)}`
