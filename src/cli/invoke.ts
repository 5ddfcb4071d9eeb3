import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Command, Option } from 'commander'
import { createClient, faultOf, type ClientAnswer } from './client.ts'
import { endpointOption, jsonOption, type EndpointOptions, type JsonOptions } from './options.ts'
import { functionPath } from './project/deployment.ts'
import { readEvent } from './project/event.ts'
import { note, print, withProgress } from './terminal.ts'

interface Options extends EndpointOptions, JsonOptions {
  event?: string
  sample?: string
  async?: true
  tail?: true
  qualifier?: string
}

const samplesFolder = join(import.meta.dirname, 'samples')

/** Names of the events that `--sample` sends. */
export const samples = readdirSync(samplesFolder).map((file) => file.replace(/\.json$/, ''))

export function invokeCommand(): Command {
  return new Command('invoke')
    .description('call a function: its answer goes to stdout, its log to stderr; exit code 1 if it failed')
    .argument('<name>', 'name or ARN')
    .option('-e, --event <file>', 'the event, - for stdin')
    .addOption(new Option('-s, --sample <kind>', 'an event as AWS sends it').choices(samples).conflicts('event'))
    .addOption(new Option('--async', 'put it into the queue and do not wait').conflicts('tail'))
    .option('-t, --tail', 'show the end of the log')
    .option('-q, --qualifier <version>', 'version or alias')
    .addOption(endpointOption())
    .addOption(jsonOption())
    .action(async (name: string, options: Options) => {
      const client = createClient(options.endpoint)
      const answer = await withProgress(
        `Waiting for ${name}`,
        client.send({
          method: 'POST',
          path: functionPath(name, '/invocations'),
          ...(options.qualifier === undefined ? {} : { query: { Qualifier: options.qualifier } }),
          headers: {
            'x-amz-invocation-type': options.async === true ? 'Event' : 'RequestResponse',
            'x-amz-log-type': options.tail === true ? 'Tail' : 'None',
          },
          body: await eventOf(options),
        }),
      )
      if (answer.status >= 300) throw faultOf(answer)
      show(answer, options)
      if (answer.headers.has('x-amz-function-error')) process.exitCode = 1
    })
}

function show({ status, headers, body }: ClientAnswer, options: Options): void {
  const log = Buffer.from(headers.get('x-amz-log-result') ?? '', 'base64').toString()
  if (options.json === true) {
    const shown = {
      statusCode: status,
      functionError: headers.get('x-amz-function-error') ?? undefined,
      executedVersion: headers.get('x-amz-executed-version') ?? undefined,
      requestId: headers.get('x-amzn-requestid') ?? undefined,
      serverTiming: headers.get('server-timing') ?? undefined,
      payload: payloadOf(body),
      log: options.tail === true ? log : undefined,
    }
    return print(JSON.stringify(shown, undefined, 2))
  }
  if (log !== '') note(log)
  if (options.async === true) note(`Queued, request ${headers.get('x-amzn-requestid') ?? ''}`)
  else print(body.toString())
}

/** JSON as such; a payload that is none, as text. */
function payloadOf(body: Buffer): unknown {
  if (body.length === 0) return undefined
  try {
    return JSON.parse(body.toString())
  } catch {
    return body.toString()
  }
}

async function eventOf({ event, sample }: Options): Promise<Uint8Array> {
  if (sample !== undefined) return readFileSync(join(samplesFolder, `${sample}.json`))
  if (event === undefined) return Buffer.from('{}')
  return readEvent(event)
}
