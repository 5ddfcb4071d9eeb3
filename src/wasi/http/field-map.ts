/** HTTP fields as `wasi:http/types` has them: ordered, names of any case, values as bytes, and bounded. */
import type { HeaderList } from '../../http/message.ts'
import { GuestLimit } from '../errors.ts'
import type { WasiLimits } from '../errors.ts'
import type { Budget } from './budget.ts'

export type FieldLimits = Pick<WasiLimits, 'httpFields' | 'httpFieldBytes'>

export type HeaderError = 'invalid-syntax' | 'forbidden' | 'immutable'

/** What an entry counts beside its name and value: RFC 9113, section 6.5.2. */
const ENTRY_BYTES = 32

// RFC 9110, sections 5.1 and 5.5. Values may be of any bytes but controls, as the WIT leaves open.
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const fieldValue = /^[\t\u0020-\u007e\u0080-\u00ff]*$/

/**
 * Fields that belong to a connection, or that say where a request goes: the host's own to write (RFC 9110, section
 * 7.6.1; the same as wasmtime's, and `te`). Nor does a guest see them in what comes in: it could send them on.
 */
const forbidden = new Set([
  'connection',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
])

export function isToken(text: string): boolean {
  return token.test(text)
}

type Entry = readonly [name: string, value: string]

/** Values are byte strings: each character one byte. */
export class FieldMap {
  readonly #limits: FieldLimits
  readonly #budget: Budget
  #entries: Entry[] = []
  #bytes = 0

  constructor(limits: FieldLimits, budget: Budget) {
    this.#limits = limits
    this.#budget = budget
  }

  /** What came in from outside, which has its own limits. */
  static received(list: HeaderList, limits: FieldLimits, budget: Budget): FieldMap {
    const map = new FieldMap(limits, budget)
    map.#replace(list.filter(([name]) => !forbidden.has(name.toLowerCase())))
    return map
  }

  get entries(): HeaderList {
    return this.#entries
  }

  get(name: string): string[] {
    const wanted = name.toLowerCase()
    return this.#entries.flatMap(([name, value]) => (name.toLowerCase() === wanted ? [value] : []))
  }

  has(name: string): boolean {
    const wanted = name.toLowerCase()
    return this.#entries.some(([name]) => name.toLowerCase() === wanted)
  }

  /** The values of a name that was there go where it first stood. */
  set(name: string, values: readonly string[]): HeaderError | undefined {
    const error = invalid(name, values)
    if (error !== undefined) return error
    const at = this.#entries.findIndex((entry) => sameName(entry, name))
    const others = this.#entries.filter((entry) => !sameName(entry, name))
    others.splice(at === -1 ? others.length : at, 0, ...values.map((value): Entry => [name, value]))
    this.#check(others)
    return undefined
  }

  delete(name: string): HeaderError | undefined {
    const error = invalid(name, [])
    if (error !== undefined) return error
    this.#replace(this.#entries.filter((entry) => !sameName(entry, name)))
    return undefined
  }

  append(name: string, value: string): HeaderError | undefined {
    const error = invalid(name, [value])
    if (error !== undefined) return error
    // Alone, so that building fields one by one does not count all of them each time.
    const bytes = entryBytes([name, value])
    this.#limit(this.#entries.length + 1, this.#bytes + bytes)
    this.#budget.take(bytes)
    this.#bytes += bytes
    this.#entries.push([name, value])
    return undefined
  }

  /** What it holds is its own. */
  clone(): FieldMap {
    const copy = new FieldMap(this.#limits, this.#budget)
    copy.#replace([...this.#entries])
    return copy
  }

  /** As they go out: values without the white space around them. */
  toList(): HeaderList {
    return this.#entries.map(([name, value]): Entry => [name, value.replaceAll(/^[\t ]+|[\t ]+$/g, '')])
  }

  /** It holds nothing any more. Idempotent. */
  release(): void {
    this.#replace([])
  }

  #check(entries: Entry[]): void {
    this.#limit(entries.length, bytesOf(entries))
    this.#replace(entries)
  }

  #limit(entries: number, bytes: number): void {
    const { httpFields, httpFieldBytes } = this.#limits
    if (entries > httpFields) throw new GuestLimit('httpFields', `${entries} HTTP fields, more than ${httpFields}`)
    if (bytes > httpFieldBytes) {
      throw new GuestLimit('httpFieldBytes', `HTTP fields of ${bytes} bytes, more than ${httpFieldBytes}`)
    }
  }

  #replace(entries: Entry[]): void {
    const bytes = bytesOf(entries)
    if (bytes > this.#bytes) this.#budget.take(bytes - this.#bytes)
    else this.#budget.give(this.#bytes - bytes)
    this.#bytes = bytes
    this.#entries = entries
  }
}

function sameName([name]: Entry, other: string): boolean {
  return name.toLowerCase() === other.toLowerCase()
}

function entryBytes([name, value]: Entry): number {
  return name.length + value.length + ENTRY_BYTES
}

function bytesOf(entries: readonly Entry[]): number {
  return entries.reduce((bytes, entry) => bytes + entryBytes(entry), 0)
}

function invalid(name: string, values: readonly string[]): HeaderError | undefined {
  if (!isToken(name) || !values.every((value) => fieldValue.test(value))) return 'invalid-syntax'
  return forbidden.has(name.toLowerCase()) ? 'forbidden' : undefined
}
