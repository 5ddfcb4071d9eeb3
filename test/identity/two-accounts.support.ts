/** Two accounts on one control plane: what A has, what B tries, and a look at whether A's is as it was. */
import * as lambda from '@aws-sdk/client-lambda'
import * as sqs from '@aws-sdk/client-sqs'
import { z } from 'zod'
import type { AccessKey } from '../../src/identity/key-ring.ts'
import { zip } from '../functions/fakes.ts'
import { startApi, type ApiServer } from '../api/server.ts'
import { sign, type Draft } from './signing.ts'

export interface Account {
  accountId: string
  key: AccessKey
  /** Sends an operation of the Lambda API by its name. */
  lambda(operation: string, input: Record<string, unknown>): Promise<Answer>
  sqs(operation: string, input: Record<string, unknown>): Promise<Answer>
  /** A request as this account would sign it. */
  raw(request: Partial<Draft>): Promise<Answer>
  client: lambda.LambdaClient
}

export interface Answer {
  status: number
  /** `AccessDeniedException`; undefined if it was done. */
  error: string | undefined
  body: Record<string, unknown>
}

export interface World extends AsyncDisposable {
  api: ApiServer
  a: Account
  b: Account
}

const anything = z.record(z.string(), z.unknown())
const serviceError = z.object({
  name: z.string(),
  message: z.string(),
  $metadata: z.object({ httpStatusCode: z.number() }),
})

export async function startWorld(settings: Parameters<typeof startApi>[0] = {}): Promise<World> {
  const resources = new AsyncDisposableStack()
  const api = resources.use(await startApi({ ...settings, config: { auth: 'accounts', ...settings.config } }))
  const join = async (accountId: string): Promise<Account> => {
    await api.accounts.create({ accountId })
    const key = await api.accounts.createKey(accountId)
    const account = accountOf(api.url, key)
    resources.defer(() => account.client.destroy())
    return account
  }
  const [a, b] = [await join('111111111111'), await join('222222222222')]
  return { api, a, b, [Symbol.asyncDispose]: () => resources.disposeAsync() }
}

export function accountOf(url: string, key: AccessKey): Account {
  const options = {
    endpoint: url,
    region: 'us-east-1',
    credentials: { accessKeyId: key.accessKeyId, secretAccessKey: key.secret },
    maxAttempts: 1,
  }
  const client = new lambda.LambdaClient(options)
  const sqsClient = new sqs.SQSClient({ ...options, useQueueUrlAsEndpoint: false })
  const sender =
    (from: { send(command: never): Promise<unknown> }, module: object) =>
    async (operation: string, input: Record<string, unknown>): Promise<Answer> => {
      const Command = commandsOf(module).get(operation)
      if (Command === undefined) throw new Error(`the client has no ${operation}`)
      try {
        return { status: 200, error: undefined, body: anything.parse(await from.send(new Command(input))) }
      } catch (error) {
        const parsed = serviceError.safeParse(error)
        if (!parsed.success) throw error
        const { name, message, $metadata } = parsed.data
        return { status: $metadata.httpStatusCode, error: name, body: { message } }
      }
    }
  return {
    accountId: key.accountId,
    key,
    client,
    lambda: sender(client, lambda),
    sqs: sender(sqsClient, sqs),
    async raw(request) {
      const whole = { method: 'GET', path: '/', query: {}, headers: {}, body: new Uint8Array(), ...request }
      const wire = await sign(whole, { key, at: new Date(), host: new URL(url).host })
      const { host: _, ...headers } = wire.headers
      const body = wire.body.length === 0 ? {} : { body: Buffer.from(wire.body) }
      return answerOf(await fetch(`${url}${wire.url}`, { method: wire.method, headers, ...body }))
    },
  }
}

export async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text()
  const parsed = anything.safeParse(text.startsWith('{') ? JSON.parse(text) : {})
  const error = response.headers.get('x-amzn-errortype') ?? undefined
  return { status: response.status, error, body: parsed.data ?? {} }
}

/** By operation's name. The commands of a client are its named exports. */
const commandsOf = (module: object): Map<string, new (input: unknown) => never> =>
  new Map(
    Object.entries(module)
      .filter(([name, value]) => name.endsWith('Command') && !name.startsWith('$') && typeof value === 'function')
      .map(([name, value]) => [name.slice(0, -'Command'.length), value]),
  )

export const creation = (name: string, more: Record<string, unknown> = {}): Record<string, unknown> => ({
  FunctionName: name,
  Runtime: 'nodejs24.x',
  Handler: 'index.handler',
  Role: 'arn:aws:iam::000000000000:role/any',
  Code: { ZipFile: zip(name) },
  ...more,
})

export async function createFunction(account: Account, name: string): Promise<void> {
  await done(account.lambda('CreateFunction', creation(name, { Tags: { team: 'ours' } })))
  await lambda.waitUntilFunctionActiveV2(
    { client: account.client, maxWaitTime: 30, minDelay: 0.01, maxDelay: 0.05 },
    { FunctionName: name },
  )
}

/** The answer; an error of it is the test's. */
export async function done(answering: Promise<Answer>): Promise<Record<string, unknown>> {
  const { error, status, body } = await answering
  if (error !== undefined) throw new Error(`${status} ${error}: ${JSON.stringify(body)}`)
  return body
}
