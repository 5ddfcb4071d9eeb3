/** The one schema of the configuration, its defaults, and every limit with the reason for its number. */
import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import { z } from 'zod'
import { ThawError } from './errors.ts'

const positive = (fallback: number) => z.coerce.number().int().positive().default(fallback)

export const limitsSchema = z.object({
  /** AWS: account concurrency, 1,000 by default. The shared page has room for 12,000. */
  accountConcurrency: z.coerce.number().int().positive().max(12_000).default(1_000),
  /** Ours: pools of concurrency: one an account, a function with reserved and a qualifier with provisioned concurrency. */
  concurrencyPools: z.coerce.number().int().positive().max(4_096).default(1_024),
  /** AWS: synchronous payload, 6 MB (6,291,456 bytes), request and response; AWS allows the response 100 bytes more. */
  payloadBytes: positive(6_291_456),
  responseBytes: positive(6_291_556),
  /** AWS: a tenth of the account's 1,000 stays free of reservations (100). */
  unreservedConcurrencyFloor: z.coerce.number().int().nonnegative().default(100),
  /** AWS: asynchronous payload, 1 MB. */
  asyncPayloadBytes: positive(1_048_576),
  /** AWS: an asynchronous event lives 6 hours at most; its function errors are retried after 1 min, then 2 min. */
  asyncEventAgeSeconds: positive(21_600),
  asyncRetryMs: positive(60_000),
  /** AWS: back-off of throttles and platform errors, 1 s doubling up to 5 min. */
  asyncBackoffMs: positive(1_000),
  asyncBackoffMaxMs: positive(300_000),
  /** Ours: asynchronous and mapped invocations in work at a time, so that synchronous callers find room. */
  eventConcurrency: positive(200),
  /** Ours: events waiting, over all functions of an account; beyond it new ones are refused with 429. */
  asyncEvents: positive(1_000_000),
  /** AWS: a chain of invocations through destinations or mappings ends after 16. */
  recursionHops: positive(16),
  /** AWS: 1,024 KiB a queue message and a batch (since 2025), 120,000 in flight (standard), 14 days of retention at most. */
  queueMessageBytes: positive(1_048_576),
  queueInFlight: positive(120_000),
  /** AWS: layers a function, functions' aliases have no limit; a policy 20 KB. */
  layers: positive(5),
  policyBytes: positive(20_480),
  /** AWS: a request to the control plane, 70,167,211 bytes. */
  requestBytes: positive(70_167_211),
  /** AWS: a zip uploaded directly, 50 MB. */
  zipBytes: positive(52_428_800),
  /** AWS: unzipped, 250 MB. */
  unzippedBytes: positive(262_144_000),
  /** Ours: paths in a zip. 10,000 is twice what a bundled app with node_modules has; more is a zip bomb's shape. */
  zipEntries: positive(20_000),
  /** AWS: 75 GB of packages an account, of versions and layers too. */
  codeStorageBytes: positive(80_530_636_800),
  /** AWS: all environment variables together, 4 KB. */
  environmentBytes: positive(4_096),
  /** Ours: what one invocation may log. 256 KiB is what a CloudWatch event may hold. */
  logBytes: positive(262_144),
  /** Ours: WASI resources one invocation may hold open. */
  handles: positive(1_024),
  /** Ours: bytes the host may hold or hand over for one WASI call (random bytes, a write), as wasmtime caps them. */
  hostCallBytes: positive(1_048_576),
  /** Ours: how long a guest runs before others on its worker get their turn. */
  sliceMs: positive(5),
  /** Ours: past its deadline by this much without having reached a checkpoint, a guest costs its worker. */
  stuckGraceMs: positive(50),
  /** Ours: a build's wall time and memory. A StarlingMonkey-sized component transpiles in under 20 s and 1 GiB. */
  buildMs: positive(60_000),
  buildBytes: positive(2_147_483_648),
  /** Ours: builds at a time; the others wait in order. */
  builds: positive(Math.max(1, availableParallelism() - 1)),
  /** Ours: idle instances a worker keeps, by count and by the bytes they hold resident. */
  idleInstances: positive(1_000),
  idleBytes: positive(536_870_912),
  /** Ours: idle for this long, an instance gives its private pages back to the kernel. */
  idleTrimMs: positive(10_000),
  /** Ours: how long the workers may take to hold what is provisioned. A snapshot is restored in milliseconds. */
  provisioningMs: positive(60_000),
  /** Ours: how long open requests may take to end after SIGTERM. */
  drainMs: positive(10_000),
})

const brokersSchema = z
  .preprocess(
    (value, context) => {
      if (typeof value !== 'string') return value
      try {
        return JSON.parse(value)
      } catch {
        context.addIssue({ code: 'custom', message: 'is no JSON object from broker names to URLs' })
        return z.NEVER
      }
    },
    z.record(z.string().regex(/^[a-zA-Z0-9_-]{1,64}$/), z.url({ protocol: /^(amqps?|nats|tls|rediss?|mqtts?)$/ })),
  )
  .prefault({})

export const configSchema = z.object({
  host: z.string().default('127.0.0.1'),
  port: z.coerce.number().int().min(0).max(65_535).default(9_000),
  dataDir: z
    .string()
    .default('.thaw')
    .transform((path) => resolve(path)),
  workers: positive(availableParallelism()),
  region: z
    .string()
    .regex(/^[a-z]{2}(-[a-z]+)+-\d$/)
    .default('us-east-1'),
  accountId: z
    .string()
    .regex(/^\d{12}$/)
    .default('000000000000'),
  /**
   * Whose requests are taken. `dev`: anybody's, as the one account `accountId`; on loopback only. `accounts`: those
   * signed (SigV4) with an access key of an account made by `thaw account create`. `auto` is `dev` on loopback and
   * `accounts` elsewhere.
   */
  auth: z.enum(['auto', 'dev', 'accounts']).default('auto'),
  /** Brokers that event source mappings may name: a JSON object from name to URL (amqp:, nats:, redis:, mqtt:). */
  brokers: brokersSchema,
  /**
   * Below which name function URLs are served: `lambda-url.<region>.localhost` if left out, at the server's port. A URL
   * stands for itself, for a proxy in front: `https://functions.example.com` gives `https://<id>.functions.example.com/`.
   */
  functionUrlBase: z
    .union([z.string().regex(/^[a-z0-9-]+(\.[a-z0-9-]+)*$/), z.url({ protocol: /^https?$/ })])
    .optional(),
  /** Firings of a schedule that were missed while the server was down: none, the last one, or all of them. */
  scheduleCatchUp: z.enum(['none', 'last', 'all']).default('last'),
  /** How instances are brought back to their snapshot; `auto` takes the fastest that works here (see `thaw doctor`). */
  restore: z.enum(['auto', 'scan', 'pagemap', 'copy']).default('auto'),
  /** After each reset, hash everything and compare with the snapshot. Slow: for tests and for the wary. */
  verifyResets: z.stringbool().or(z.boolean()).default(false),
  logLevel: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info'),
  limits: limitsSchema.prefault({}),
})

export type Config = z.infer<typeof configSchema>
export type Limits = z.infer<typeof limitsSchema>

/** THAW_PORT -> port, THAW_DATA -> dataDir, THAW_LIMIT_LOG_BYTES -> limits.logBytes, and so on. */
export function configFromEnvironment(env: NodeJS.ProcessEnv, overrides: Record<string, unknown> = {}): Config {
  const named: Record<string, string> = {
    host: 'THAW_HOST',
    port: 'THAW_PORT',
    dataDir: 'THAW_DATA',
    workers: 'THAW_WORKERS',
    region: 'THAW_REGION',
    accountId: 'THAW_ACCOUNT_ID',
    auth: 'THAW_AUTH',
    brokers: 'THAW_BROKERS',
    functionUrlBase: 'THAW_FUNCTION_URL_BASE',
    scheduleCatchUp: 'THAW_SCHEDULE_CATCH_UP',
    restore: 'THAW_RESTORE',
    verifyResets: 'THAW_VERIFY_RESETS',
    logLevel: 'THAW_LOG_LEVEL',
  }
  const input: Record<string, unknown> = {}
  for (const [key, name] of Object.entries(named)) if (env[name] !== undefined) input[key] = env[name]
  const limits: Record<string, unknown> = {}
  for (const key of Object.keys(limitsSchema.shape)) {
    const name = `THAW_LIMIT_${key.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`
    if (env[name] !== undefined) limits[key] = env[name]
  }
  const parsed = configSchema.safeParse({ ...input, limits, ...overrides })
  if (parsed.success) return parsed.data
  const first = parsed.error.issues[0]
  throw new ThawError('Config', `Configuration: ${first?.path.join('.') ?? ''}: ${first?.message ?? 'invalid'}`)
}
