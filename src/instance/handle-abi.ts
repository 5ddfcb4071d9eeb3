/**
 * The canonical ABI of `handle` and `turn` (guest-sdk/wit/function.wit), written out: both are fixed, and this is the
 * hot path. Layouts follow from the WIT by the Canonical ABI's rules (CanonicalABI.md, "Element Size", "Alignment").
 */
import type { FunctionFailure, Invocation, Outcome } from '../invocation.ts'
import { GuestTrap } from '../wasi/errors.ts'
import type { Realloc } from './link.ts'
import type { CanonOptions } from './plan.ts'

/** event: list<u8>, context: record { … }: 25 flat values are more than 16, so they go through memory. */
const argumentsBytes = 112
const argumentsAlign = 8
const at = {
  event: 0,
  awsRequestId: 8,
  functionName: 16,
  functionVersion: 24,
  invokedFunctionArn: 32,
  memoryLimitInMb: 40,
  logGroupName: 44,
  logStreamName: 52,
  deadlineMs: 64,
  clientContext: 72,
  tenantId: 84,
  traceId: 96,
} as const

/** More frames than a stack can have; a guest that returns more is cut, not believed. */
const traceLines = 256
/** Error texts longer than this are cut: an error is not a payload. */
const errorTextBytes = 262_144

export type Encoding = CanonOptions['encoding']

/** Lowers one invocation's arguments into guest memory; returns the pointer that `handle` takes. */
export class ArgumentWriter {
  readonly #memory: WebAssembly.Memory
  readonly #realloc: Realloc
  readonly #encoding: Encoding
  #view: Buffer

  constructor(memory: WebAssembly.Memory, realloc: Realloc, encoding: Encoding) {
    this.#memory = memory
    this.#realloc = realloc
    this.#encoding = encoding
    this.#view = Buffer.from(memory.buffer)
  }

  write(invocation: Invocation, logStreamName: string, deadlineMs: number): number {
    const { spec } = invocation
    const base = this.#allocate(argumentsAlign, argumentsBytes)
    const event = this.#allocate(1, invocation.payload.length)
    this.#fresh().set(invocation.payload, event)
    this.#pair(base + at.event, event, invocation.payload.length)
    this.#text(base + at.awsRequestId, invocation.requestId)
    this.#text(base + at.functionName, spec.functionName)
    this.#text(base + at.functionVersion, spec.version)
    this.#text(base + at.invokedFunctionArn, invocation.invokedFunctionArn)
    this.#text(base + at.logGroupName, spec.logGroup)
    this.#text(base + at.logStreamName, logStreamName)
    this.#option(base + at.clientContext, invocation.clientContext)
    this.#option(base + at.tenantId, invocation.tenantId)
    this.#option(base + at.traceId, invocation.traceId)
    const view = this.#fresh()
    view.writeUInt32LE(spec.memoryMb, base + at.memoryLimitInMb)
    view.writeUInt32LE(deadlineMs >>> 0, base + at.deadlineMs)
    view.writeUInt32LE(Math.floor(deadlineMs / 4_294_967_296), base + at.deadlineMs + 4)
    return base
  }

  /** The same of texts: pointer and length of each, as flat arguments. */
  texts(...texts: readonly string[]): number[] {
    if (this.#encoding !== 'utf8') throw new GuestTrap(`texts in ${this.#encoding} are not passed flat`)
    return texts.flatMap((text) => {
      const bytes = Buffer.byteLength(text)
      const pointer = this.#allocate(1, bytes)
      this.#fresh().write(text, pointer, bytes, 'utf8')
      return [pointer, bytes]
    })
  }

  #allocate(align: number, bytes: number): number {
    const pointer = this.#realloc(0, 0, align, bytes) >>> 0
    if (pointer % align !== 0) throw new GuestTrap(`realloc returned ${pointer}, which is not aligned to ${align}`)
    if (pointer + bytes > this.#memory.buffer.byteLength)
      throw new GuestTrap('realloc returned a pointer out of bounds')
    return pointer
  }

  /** The memory may have grown in realloc: its buffer is then another. */
  #fresh(): Buffer {
    if (this.#view.buffer !== this.#memory.buffer) this.#view = Buffer.from(this.#memory.buffer)
    return this.#view
  }

  #pair(address: number, pointer: number, length: number): void {
    const view = this.#fresh()
    view.writeUInt32LE(pointer, address)
    view.writeUInt32LE(length >>> 0, address + 4)
  }

  #text(address: number, text: string): void {
    if (this.#encoding !== 'utf8') {
      const pointer = this.#allocate(2, text.length * 2)
      this.#fresh().write(text, pointer, 'utf16le')
      const tagged = this.#encoding === 'utf16' ? text.length : text.length | 0x8000_0000
      this.#pair(address, pointer, tagged)
      return
    }
    const bytes = Buffer.byteLength(text)
    const pointer = this.#allocate(1, bytes)
    this.#fresh().write(text, pointer, bytes, 'utf8')
    this.#pair(address, pointer, bytes)
  }

  #option(address: number, text: string | undefined): void {
    this.#fresh().writeUInt8(text === undefined ? 0 : 1, address)
    if (text !== undefined) this.#text(address + 4, text)
  }
}

/** result<list<u8>, function-error> in memory, where a synchronously lifted `handle` points. */
export function readResult(
  memory: WebAssembly.Memory,
  pointer: number,
  encoding: Encoding,
  responseBytes: number,
): Outcome {
  const view = Buffer.from(memory.buffer)
  const base = pointer >>> 0
  if (base % 4 !== 0) throw new GuestTrap('the result pointer is not aligned')
  if (base + 28 > view.length) throw new GuestTrap('the result pointer is out of bounds')
  const discriminant = view.readUInt8(base)
  const word = (index: number) => view.readUInt32LE(base + 4 + index * 4)
  return lift(view, discriminant, word, encoding, responseBytes)
}

/** The same, flat, as `task.return` receives it: discriminant and six words. */
export function liftResult(
  memory: WebAssembly.Memory,
  flat: (number | bigint)[],
  encoding: Encoding,
  responseBytes: number,
): Outcome {
  const word = (index: number) => Number(flat[index + 1] ?? 0) >>> 0
  return lift(Buffer.from(memory.buffer), Number(flat[0] ?? -1), word, encoding, responseBytes)
}

/** option<u64> as `task.return` of `turn` receives it: ms until the next timer. */
export function liftTurn(flat: (number | bigint)[]): number | undefined {
  return Number(flat[0] ?? 0) === 0 ? undefined : Number(BigInt.asUintN(64, BigInt(flat[1] ?? 0)))
}

function lift(
  view: Buffer,
  discriminant: number,
  word: (index: number) => number,
  encoding: Encoding,
  responseBytes: number,
): Outcome {
  if (discriminant === 0) {
    const length = word(1)
    if (length > responseBytes) return { kind: 'failure', failure: responseTooLarge(responseBytes) }
    // Copied: the guest's memory is reset as soon as the response is out.
    return { kind: 'success', payload: new Uint8Array(slice(view, word(0), length)) }
  }
  if (discriminant !== 1) throw new GuestTrap(`invalid discriminant ${discriminant} for a result`)
  const failure: FunctionFailure = {
    errorType: readText(view, word(0), word(1), encoding),
    errorMessage: readText(view, word(2), word(3), encoding),
  }
  const [list, count] = [word(4), word(5)]
  slice(view, list, count * 8)
  if (list % 4 !== 0) throw new GuestTrap('the trace list is not aligned')
  const trace: string[] = []
  for (let index = 0; index < Math.min(count, traceLines); index++) {
    const entry = list + index * 8
    trace.push(readText(view, view.readUInt32LE(entry), view.readUInt32LE(entry + 4), encoding))
  }
  return { kind: 'failure', failure: count === 0 ? failure : { ...failure, trace } }
}

/** AWS's wording (shared/lambda/aws-recorded.json, test_lambda_too_large_response). */
export function responseTooLarge(responseBytes: number): FunctionFailure {
  return {
    errorType: 'Function.ResponseSizeTooLarge',
    errorMessage: `Response payload size exceeded maximum allowed payload size (${responseBytes} bytes).`,
  }
}

function slice(view: Buffer, pointer: number, bytes: number): Buffer {
  if (pointer + bytes > view.length) throw new GuestTrap(`a list at ${pointer} of ${bytes} bytes is out of bounds`)
  return view.subarray(pointer, pointer + bytes)
}

function readText(view: Buffer, pointer: number, length: number, encoding: Encoding): string {
  const wide = encoding === 'utf16' || (encoding === 'latin1+utf16' && (length & 0x8000_0000) !== 0)
  const units = encoding === 'latin1+utf16' ? length & 0x7fff_ffff : length
  const bytes = slice(view, pointer, wide ? units * 2 : units)
  const cut = bytes.subarray(0, errorTextBytes)
  if (wide) return cut.toString('utf16le')
  return encoding === 'latin1+utf16' ? cut.toString('latin1') : cut.toString('utf8')
}
