/** The one schema of the configuration, its defaults, and every limit with the reason for its number. */
import { isIP } from 'node:net'
import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import ipaddr from 'ipaddr.js'
import { z } from 'zod'
import { ThawError } from './errors.ts'

const positive = (fallback: number) => z.coerce.number().int().positive().default(fallback)

/** Ours: entries of a function's egress allow-list, as many as an AWS security group has rules; 255 holds any DNS name. */
export const egressListLimits = { egressRules: 100, egressRuleBytes: 255 } as const

/**
 * Ours: RSA keys, as a call holds the worker's thread (docs/web-apis.md has the times). Signing takes eight times as long for twice
 * the bits, verifying four times; 4,096 is what certificate authorities issue. An exponent is 65,537 nearly always, and
 * OpenSSL takes 64 bits at most for large keys.
 */
export const cryptoLimits = { rsaSignBits: 4_096, rsaVerifyBits: 8_192, rsaExponentBytes: 8 } as const

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
  /** Ours: routes (host and path to a function) an account. */
  routes: positive(1_000),
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
  /** Ours: taken of a streamed body, either way, before whoever is to have it has taken it. What a socket buffers. */
  bodyWindowBytes: positive(65_536),
  /**
   * Ours: the whole of a streamed body, either way, of a function URL or route: 15 minutes, the longest invocation, at
   * 100 Mbit/s. Endless ones are to come in parts.
   */
  streamedBodyBytes: positive(10_737_418_240),
  /** Ours: what one invocation may log. 256 KiB is what a CloudWatch event may hold. */
  logBytes: positive(262_144),
  /** Ours: WASI resources one invocation may hold open. */
  handles: positive(1_024),
  /** Ours: bytes the host may hold or hand over for one WASI call (random bytes, a write), as wasmtime caps them. */
  hostCallBytes: positive(1_048_576),
  /** Ours: HTTP fields of one message, and their bytes (names, values, 32 each): as servers commonly take at most. */
  httpFields: positive(1_000),
  httpFieldBytes: positive(65_536),
  /** Ours: what the host holds of all of a guest's HTTP fields and of bodies whose message is not sent yet. */
  httpHeldBytes: positive(1_048_576),
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
  egressRules: positive(egressListLimits.egressRules),
  egressRuleBytes: positive(egressListLimits.egressRuleBytes),
  /** Ours: outgoing requests at a time, of an invocation (browsers hold some 30) and of a worker (a socket each). */
  egressConcurrency: positive(64),
  egressWorkerConcurrency: positive(1_024),
  /** Ours: outgoing requests of an invocation. More is a crawler's or an attacker's work, which is to come in parts. */
  egressRequests: positive(1_000),
  /** Ours: bytes of outgoing bodies and of their responses an invocation: 15 minutes, the longest one, at 10 Mbit/s. */
  egressRequestBytes: positive(1_073_741_824),
  egressResponseBytes: positive(1_073_741_824),
  /** Ours: header section, or trailers, of an outgoing request and its response. Servers take 8 to 64 KiB. */
  egressHeaderBytes: positive(65_536),
  /** Ours: bytes of one body held for whoever is slower, each way: what a socket hands over at a time. */
  egressBufferBytes: positive(65_536),
  /** Ours: looking up a name; connecting, with TLS. curl and Node.js allow about the same. */
  egressDnsMs: positive(5_000),
  egressConnectMs: positive(10_000),
  /** Ours: until the response begins, and between its parts, as Node.js's fetch has them: models think for minutes. */
  egressFirstByteMs: positive(300_000),
  egressBetweenBytesMs: positive(300_000),
  /** AWS: no invocation is longer than 15 minutes; so no exchange is, whatever becomes of its invocation. */
  egressTotalMs: positive(900_000),
  /**
   * Ours: connections kept idle for a function's next request: how many, how long, for how many functions. As many as two
   * hundred invocations that wait for a server at once: fewer, and each burst connects anew.
   */
  egressIdleConnections: positive(256),
  egressIdleMs: positive(15_000),
  egressIdleFunctions: positive(128),
  /** RFC 9112, section 3: servers should take request lines of 8,000 bytes. This is of the target in it. */
  targetBytes: positive(8_192),
  /** Ours: request line, header fields (or trailers) together. Session tokens, client contexts and cookies take 10 KiB. */
  headerSectionBytes: positive(32_768),
  /** Ours: header fields of a request, as Apache httpd has it. Node's parser ends at 1,000. */
  headerFields: z.coerce.number().int().positive().max(1_000).default(100),
  /** Ours: until the header section is there, from the connection or the request before, as Apache's mod_reqtimeout. */
  headersMs: positive(20_000),
  /** Ours: a request's body whose reader waits, and of which nothing comes; a response of which its client takes nothing. */
  bodyStallMs: positive(30_000),
  /** Ours: bytes a second that a request's body comes at on average, after the first 20 s, as Apache's mod_reqtimeout. */
  bodyBytesPerSecond: positive(500),
  bodyGraceMs: positive(20_000),
  /** Ours: idle connections are kept longer than AWS's load balancers keep them (60 s): whoever sends next closes. */
  keepAliveMs: positive(65_000),
  /** Ours: requests a connection, so that the kernel gives its client another worker from time to time. */
  connectionRequests: positive(10_000),
  /** Ours: open connections a worker. An idle one takes some 10 KiB. */
  connections: positive(8_192),
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

/** A list in the text of an environment variable: parted by commas. */
const commaList = (item: z.ZodType<string>) =>
  z.preprocess(
    (value) =>
      typeof value === 'string'
        ? value
            .split(',')
            .map((part) => part.trim())
            .filter(Boolean)
        : value,
    z.array(item),
  )

const proxyAddress = z.string().refine((text) => text === 'loopback' || isIP(text) !== 0 || ipaddr.isValidCIDR(text), {
  message: 'is a comma-separated list of addresses, CIDR blocks and `loopback`',
})

const network = z.string().refine((text) => isIP(text) !== 0 || ipaddr.isValidCIDR(text), {
  message: 'is `auto`, `all`, `none` or a comma-separated list of addresses and CIDR blocks',
})

export const configSchema = z.object({
  host: z.string().default('127.0.0.1'),
  port: z.coerce.number().int().min(0).max(65_535).default(9_000),
  dataDir: z
    .string()
    .default('.thaw')
    .transform((path) => resolve(path)),
  /** What is made once per version of Thaw; servers may share it. Left out: in the data folder. */
  cacheDir: z
    .string()
    .transform((path) => resolve(path))
    .optional(),
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
  /** Names, besides `host`, under which the API is reached, through a proxy say: no account can make routes for them. */
  apiHosts: z
    .preprocess(
      (value) => (typeof value === 'string' ? value.toLowerCase().split(',').filter(Boolean) : value),
      z.array(z.string()),
    )
    .default([]),
  /**
   * Proxies whose word is taken on who the client is (Forwarded, X-Forwarded-*): addresses, CIDR blocks, `loopback`.
   * Nobody's by default.
   */
  trustedProxies: commaList(proxyAddress).default([]),
  /**
   * Private networks that functions may name in their egress allow-lists: addresses and CIDRs, `all` or `none`. `auto` is
   * `all` in dev mode, where everybody is the operator, and `none` where accounts are told apart.
   */
  egressPrivateNetworks: z.union([z.enum(['auto', 'all', 'none']), commaList(network)]).default('auto'),
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
    cacheDir: 'THAW_CACHE',
    workers: 'THAW_WORKERS',
    region: 'THAW_REGION',
    accountId: 'THAW_ACCOUNT_ID',
    auth: 'THAW_AUTH',
    brokers: 'THAW_BROKERS',
    functionUrlBase: 'THAW_FUNCTION_URL_BASE',
    apiHosts: 'THAW_API_HOSTS',
    trustedProxies: 'THAW_TRUSTED_PROXIES',
    egressPrivateNetworks: 'THAW_EGRESS_PRIVATE_NETWORKS',
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
