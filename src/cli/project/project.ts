/** A function's folder, and the `thaw.json` in it that says what it is. */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { z } from 'zod'
import { javascriptEngines } from '../../build/engine-choice.ts'
import { ThawError } from '../../errors.ts'
import { runtimes } from '../../store/records.ts'

export const projectFile = 'thaw.json'

const settingsSchema = z.strictObject({
  name: z.string().regex(/^[a-zA-Z0-9-_]{1,64}$/, 'must be 1 to 64 letters, digits, - or _'),
  runtime: z.enum(runtimes).default('nodejs24.x'),
  handler: z
    .string()
    .regex(/^\S{1,128}$/, 'must be <file>.<export>, as in index.handler')
    .default('index.handler'),
  /** JavaScript's: what the package says in its package.json, which this goes before. */
  engine: z.enum(javascriptEngines).optional(),
  /** MB. */
  memory: z.int().min(128).max(10_240).default(128),
  /** Seconds. */
  timeout: z.int().min(1).max(900).default(3),
  environment: z.record(z.string().regex(/^[a-zA-Z]\w+$/), z.string()).default({}),
  /** Where its requests may go: an allow-list. Left out: deploy leaves it as it is on the server. */
  egress: z.array(z.string()).optional(),
  /** Give it a function URL that anybody may call. */
  url: z.boolean().default(false),
  /** What is not to go into the package, besides what never does: glob patterns from the folder. */
  exclude: z.array(z.string()).default([]),
})
export type Settings = z.infer<typeof settingsSchema>

export interface Project extends Settings {
  /** Absolute. */
  folder: string
}

/** A folder without a `thaw.json` is a function by its folder's name, with the defaults. Throws `Config`, one line. */
export function readProject(folder: string): Project {
  const path = resolve(folder)
  if (!existsSync(path) || !statSync(path).isDirectory()) throw new ThawError('Config', `There is no folder ${path}`)
  const file = join(path, projectFile)
  const settings = existsSync(file) ? parse(readFileSync(file, 'utf8'), file) : {}
  const parsed = settingsSchema.safeParse(isObject(settings) ? { name: nameOf(path), ...settings } : settings)
  if (!parsed.success) throw new ThawError('Config', `${file}: ${issueText(parsed.error.issues[0])}`)
  return { folder: path, ...parsed.data }
}

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** What a folder's function is called if nobody says. */
export function nameOf(folder: string): string {
  return basename(resolve(folder))
    .replaceAll(/[^a-zA-Z0-9-_]+/g, '-')
    .slice(0, 64)
}

function parse(text: string, file: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new ThawError('Config', `${file} is no JSON: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    })
  }
}

function issueText(issue: z.core.$ZodIssue | undefined): string {
  if (issue === undefined) return 'invalid'
  if (issue.code === 'unrecognized_keys')
    return `unknown key ${issue.keys.join(', ')}; known are ${Object.keys(settingsSchema.shape).join(', ')}`
  const path = issue.path.join('.')
  return path === '' ? issue.message : `${path}: ${issue.message}`
}
