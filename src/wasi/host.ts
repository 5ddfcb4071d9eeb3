/**
 * Thaw's WASI host: one per instance. What it holds has two lifetimes: the handle table is the snapshot's (`reset`),
 * everything else is one invocation's (`begin` to `end`). Outside of an invocation nothing is granted, so a guest that
 * runs where it must not gets an InvocationAborted out of every call.
 */
import { ThawError } from '../errors.ts'
import type { FunctionFailure } from '../invocation.ts'
import type { SnapshotHandle } from '../snapshot/format.ts'
import type { AbiShared, LowerOptions } from './abi/context.ts'
import type { CoreFunction } from './abi/function.ts'
import { FlatReader, type CoreValue } from './abi/type.ts'
import type { AsyncBuiltin } from './async/names.ts'
import { AsyncState } from './async/state.ts'
import type { WaitEvent } from './async/waitables.ts'
import { monotonicNowNs } from './clock.ts'
import { InvocationAborted } from './errors.ts'
import type { WasiLimits } from './errors.ts'
import { GuestFiles } from './fs/guest-files.ts'
import type { FileGrant } from './fs/guest-files.ts'
import { HttpLoop } from './function/http-loop.ts'
import { OutgoingCalls } from './function/outgoing-http.ts'
import { ResponseStream } from './function/response-stream.ts'
import { HandleTable } from './handles.ts'
import { HostCalls, type LoweredFunction } from './host-calls.ts'
import { newIncomingRequest, newResponseOutparam } from './http/resources.ts'
import { HttpState } from './http/state.ts'
import { answer, answerType } from './http3/handler.ts'
import { incomingRequest } from './http3/resources.ts'
import type { HostState, Impurity, WasiInvocation } from './state.ts'
import { Waits } from './waits.ts'

/** Ours: a host call holds the thread, so 1 MiB is the most of it whatever is configured. */
const MOST_HOST_CALL_BYTES = 1_048_576

const NO_FILES: FileGrant = { temporaryBytes: 0, package: undefined }

export class WasiHost {
  readonly #limits: WasiLimits
  readonly #handles: HandleTable
  readonly #waits = new Waits()
  readonly #async: AsyncState
  readonly #outgoingCalls = new OutgoingCalls()
  readonly #httpLoop = new HttpLoop()
  readonly #responseStream = new ResponseStream()
  readonly #http: HttpState
  readonly #shared: AbiShared
  readonly #state: HostState
  readonly #calls: HostCalls
  readonly #reads: Record<Impurity, boolean> = {
    clock: false,
    randomness: false,
    environment: false,
    'temporary-files': false,
  }
  #invocation: WasiInvocation | undefined
  /** Made when first asked for: most guests never do. */
  #files: GuestFiles | undefined

  constructor(limits: WasiLimits) {
    this.#limits = { ...limits, hostCallBytes: Math.min(limits.hostCallBytes, MOST_HOST_CALL_BYTES) }
    this.#handles = new HandleTable(limits.handles)
    this.#http = new HttpState(this.#limits)
    this.#async = new AsyncState(this.#handles, this.#waits, this.#limits)
    this.#shared = {
      handles: this.#handles,
      async: this.#async,
      maxElements: { handles: limits.handles, httpFields: limits.httpFields },
      maxStringBytes: this.#limits.hostCallBytes,
      stringBytes: 0,
      mayLeave: true,
      lent: undefined,
    }
    this.#state = this.#makeState()
    this.#calls = new HostCalls(this.#state, this.#shared)
  }

  lower(iface: string, func: string, options: LowerOptions): LoweredFunction {
    return this.#calls.lower(iface, func, options)
  }

  lowerAsync(iface: string, func: string, options: LowerOptions): CoreFunction {
    return this.#calls.lowerAsync(iface, func, options)
  }

  asyncBuiltin(builtin: AsyncBuiltin, options: LowerOptions): LoweredFunction {
    return this.#calls.asyncBuiltin(builtin, options)
  }

  drop(iface: string, resource: string): (handle: number) => void {
    return this.#calls.drop(iface, resource)
  }

  nextEvent(set: number): Promise<WaitEvent> {
    this.#httpLoop.guestWaits(this.#state)
    return this.#calls.nextEvent(set)
  }

  /** Leaves the handle table as it is: `reset` may come first. Throws if the host is `abandoned`. */
  begin(invocation: WasiInvocation): void {
    this.#calls.begin(invocation)
    this.#invocation = invocation
    this.#reads.clock = false
    this.#reads.randomness = false
    this.#reads.environment = false
    this.#reads['temporary-files'] = false
    this.#dropFiles()
    this.#waits.begin(invocation)
  }

  /** Stops timers, rejects pending waits, closes every handle, ends all bodies and requests. Idempotent. */
  end(): void {
    this.#calls.ending()
    this.#waits.end()
    this.#async.end()
    this.#outgoingCalls.end()
    this.#httpLoop.end()
    this.#responseStream.end()
    // Bodies that are whole go out before their connections are closed; then everything fails or is cancelled.
    this.#http.end()
    this.#handles.reset([])
    this.#invocation?.egress?.close()
    this.#invocation?.http?.request.body.cancel()
    this.#http.clear()
    this.#dropFiles()
    this.#calls.end()
    this.#invocation = undefined
  }

  /** The handle table as at capture. */
  reset(handles: readonly SnapshotHandle[]): void {
    this.#handles.reset(handles)
  }

  /** The handles open now, at capture. Throws ThawError('Build') naming one that no restore could open again. */
  snapshotHandles(): SnapshotHandle[] {
    return this.#handles.snapshot(monotonicNowNs())
  }

  /** At capture: what init read that the snapshot freezes, for the deploy to report. */
  captureWarnings(): string[] {
    const same = 'what it kept of it is the same in every invocation'
    const { clock, randomness, environment, 'temporary-files': temporaryFiles } = this.#reads
    return [
      ...(clock ? [`init read the clock: ${same}`] : []),
      ...(randomness ? [`init read randomness: ${same}`] : []),
      ...(environment ? ['init read the environment, which is empty until an invocation'] : []),
      ...(temporaryFiles
        ? ['init was to write to /tmp, and was refused: each invocation begins with an empty one, so write there later']
        : []),
    ]
  }

  /** For the checking mode: everything here that a guest could observe, as text; equal after every reset. */
  stateHash(): string {
    const { mayLeave } = this.#shared
    return `${this.#handles.describe()} waits ${this.#calls.suspended} mayLeave ${mayLeave} held ${this.heldBytes}`
  }

  get limits(): WasiLimits {
    return this.#limits
  }

  /** Bytes the host holds for this guest. */
  get heldBytes(): number {
    return (
      this.#handles.heldBytes +
      this.#waits.heldBytes +
      this.#http.heldBytes +
      this.#async.heldBytes +
      this.#outgoingCalls.heldBytes +
      this.temporaryBytes
    )
  }

  /** What /tmp takes, a part of `heldBytes`: it has a limit of its own beside the function's memory, as Lambda's. */
  get temporaryBytes(): number {
    return this.#files?.temporaryBytes ?? 0
  }

  /**
   * Gives the guest what `wasi:http/incoming-handler#handle` takes, for the invocation's request: two handles, its own.
   * Once an invocation. Throws GuestLimit if the table is full.
   */
  openExchange(): { request: number; responseOut: number } {
    const exchange = this.#state.invocation.http
    if (exchange === undefined) throw new ThawError('Service', 'An invocation without an HTTP request was to have one.')
    const fields = this.#http.receivedFields(exchange.request.headers)
    const request = this.#handles.insert(newIncomingRequest(exchange.request, fields))
    return { request, responseOut: this.#handles.insert(newResponseOutparam(exchange)) }
  }

  /** The same for `wasi:http/handler#handle` of 0.3: the request's handle. */
  openRequest(): number {
    const { http } = this.#state.invocation
    if (http === undefined) throw new ThawError('Service', 'An invocation without an HTTP request was to have one.')
    return this.#handles.insert(incomingRequest(this.#async, this.#http, http.request))
  }

  /** What `handle` of 0.3 gave to `task.return`. Throws GuestTrap for what is no answer. */
  respond(options: LowerOptions, flat: readonly CoreValue[]): void {
    answer(this.#state, answerType.lift(this.#calls.context(options), new FlatReader(flat)))
  }

  /** The same of a synchronous lift, which points to it. */
  respondFrom(options: LowerOptions, ptr: number): void {
    const cx = this.#calls.context(options)
    cx.check(ptr, answerType.size, answerType.align)
    answer(this.#state, answerType.load(cx, ptr))
  }

  /** Whether requests of `outgoing-http` are under way: then there is more to wait for than timers. */
  get outgoing(): boolean {
    return this.#outgoingCalls.open > 0
  }

  /** Resolves when one of these is ready, or after so many ms. Rejects as any wait of the guest's does. */
  untilOutgoing(ms: number): Promise<void> {
    if (this.#outgoingCalls.isReady()) return Promise.resolve()
    const instant = monotonicNowNs() + BigInt(Math.ceil(ms * 1e6))
    return this.#waits.until([instant, this.#outgoingCalls], [])
  }

  /** The guest has said by `http-loop` that it is done: what it still waits for counts for nothing. */
  get isDone(): boolean {
    return this.#httpLoop.isOver
  }

  /** The error that it said so with. */
  get givenFailure(): FunctionFailure | undefined {
    return this.#httpLoop.failure
  }

  /** Resolves when everything has flowed that flows on without the guest; undefined if nothing does. */
  flowing(): Promise<void> | undefined {
    return this.#async.flowing()
  }

  get openHandles(): number {
    return this.#handles.open
  }

  /** Guest calls that are waiting. */
  get pendingWaits(): number {
    return this.#calls.suspended
  }

  /**
   * Whether an invocation ended while a call of the guest was waiting. The call is rejected, but what of the guest is
   * on that stack runs once more, to unwind at least: the instance must not be used again.
   */
  get abandoned(): boolean {
    return this.#calls.abandoned
  }

  /** What ended the guest in this invocation, if a call did (host-calls.ts). */
  get failure(): unknown {
    return this.#calls.failure
  }

  /** Nothing of /tmp outlives its invocation. */
  #dropFiles(): void {
    this.#files?.[Symbol.dispose]()
    this.#files = undefined
  }

  #makeState(): HostState {
    // Host functions run only between begin and end, so there is an invocation.
    const current = (): WasiInvocation => {
      if (this.#invocation === undefined) throw new InvocationAborted('the invocation has ended')
      return this.#invocation
    }
    const files = (): GuestFiles =>
      (this.#files ??= new GuestFiles(current().files ?? NO_FILES, () => {
        this.#reads['temporary-files'] = true
      }))
    return {
      limits: this.#limits,
      handles: this.#handles,
      waits: this.#waits,
      async: this.#async,
      outgoingCalls: this.#outgoingCalls,
      httpLoop: this.#httpLoop,
      responseStream: this.#responseStream,
      http: this.#http,
      reads: this.#reads,
      get files() {
        return files()
      },
      get invocation() {
        return current()
      },
    }
  }
}
