import type { Logger } from 'pino'
import { ThawError } from '../errors.ts'
import type { DataPlaneChange } from '../functions/collaborators.ts'
import { WORKER_RECORDS } from '../memory/page-layout.ts'
import type { SharedPage } from '../memory/shared-page.ts'
import type { StuckWorker } from '../memory/ticker.ts'
import type { Held, QualifiedKey, WorkerChange } from '../worker/messages.ts'
import { ConcurrencyBook } from './concurrency.ts'
import { createCulprits } from './culprits.ts'
import { Deployments } from './deployments.ts'
import type { Member, Stage, WorkerPlace } from './member.ts'
import { HeldByWorkers } from './provisioning.ts'
import type { RunFolder } from './run-folder.ts'
import { StartFailures } from './start-failures.ts'
import { describeExit, type WorkerExit, type WorkerProcess } from './worker-process.ts'

export interface SupervisorOptions {
  /** How many serve the public port. */
  workers: number
  host: string
  /** 0: the first worker's choice becomes everybody's. */
  port: number
  drainMs: number
  /** Of each account. */
  accountConcurrency: number
  page: SharedPage
  run: RunFolder
  logger: Logger
  launch: (place: WorkerPlace, changes: WorkerChange[], onHeld: (held: readonly Held[]) => void) => WorkerProcess
  /** Workers cannot be kept alive. Called once; nothing is served any more. */
  onFatal: (error: ThawError) => void
}

/** Ours: a worker that does not take a change within this time would serve what is no longer. */
const ackTimeoutMs = 5_000
/** Ours: a quarantined function may cost its worker again and again; not more often than this. */
const quarantineRestMs = 1_000

/**
 * Keeps so many workers serving, and one more process started and waiting (the standby), so that the place of a dead
 * worker is taken at once. `#reconcile` is the one place that decides what to start and whom to promote.
 */
export class Supervisor implements AsyncDisposable {
  readonly #options: SupervisorOptions
  readonly #members = new Map<number, Member>()
  readonly #deployments: Deployments
  readonly #culprits = createCulprits()
  readonly #held = new HeldByWorkers<WorkerProcess>()
  readonly #started = Promise.withResolvers<number>()
  #quarantineSocket: string
  #quarantineRests = false
  #port: number
  #incarnations = 0
  readonly #failures = new StartFailures()
  #state: 'idle' | 'running' | 'closed' = 'idle'

  constructor(options: SupervisorOptions) {
    this.#options = options
    this.#port = options.port
    this.#deployments = new Deployments(new ConcurrencyBook(options.page.slots, options.accountConcurrency))
    this.#quarantineSocket = options.run.socketPath('quarantine')
    this.#started.promise.catch(() => {})
  }

  /** Resolves with the public port when all workers serve. Throws `Service` if there are too few concurrency pools. */
  start(served: readonly DataPlaneChange[]): Promise<number> {
    for (const change of served) this.#deployments.apply(change).settle()
    this.#state = 'running'
    this.#reconcile()
    return this.#started.promise
  }

  /**
   * See DataPlane.publish. A worker that does not acknowledge in time is killed: then it has not seen the old state either.
   * Errors: `Service`, no concurrency pool is free; then nothing has changed.
   */
  async publish(change: DataPlaneChange): Promise<void> {
    const { replaced, tell, settle } = this.#deployments.apply(change)
    for (const deployment of replaced) this.#culprits.forget(deployment)
    // What is to be held is looked up among what is served, so it comes after, and nobody waits for the making.
    const told = this.#tellAll(tell)
    this.#spread()
    await told
    settle()
    if (this.#deployments.quarantined.size > 0) return
    for (const member of this.#members.values()) if (member.stage === 'quarantine') this.#drain(member)
  }

  async provisioned(key: QualifiedKey): Promise<number> {
    return this.#held.count(key, this.#servingProcesses())
  }

  /** Private sockets of those who serve. */
  sockets(): string[] {
    return this.#serving()
      .map(({ socketPath }) => socketPath)
      .toArray()
  }

  /** The ticker killed this one. Its place need not wait for the process to be gone. */
  stuck({ index, incarnation, deployment, reason, overdueMs }: StuckWorker): void {
    const member = this.#members.get(index)
    if (member?.incarnation !== incarnation) return
    this.#options.logger.warn({ index, deployment, reason, overdueMs }, 'a stuck worker was killed')
    // A worker that is killed here is blamed here: its record may be gone when its exit is seen.
    if (deployment !== 0) this.#blame(deployment)
    this.#retire(member)
  }

  /** Processes that serve the public port, or would at once. */
  pids(): { serving: number[]; standby: number[]; quarantine: number[] } {
    const of = (stage: Stage): number[] =>
      [...this.#members.values()].filter((member) => member.stage === stage).map(({ process }) => process.pid)
    return { serving: of('serving'), standby: of('standby'), quarantine: of('quarantine') }
  }

  /** Kills every worker, now. */
  kill(): void {
    this.#state = 'closed'
    this.#failures.stop()
    for (const { process } of this.#members.values()) process.kill()
  }

  /** Lets open requests finish, within drainMs. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#state = 'closed'
    this.#failures.stop()
    this.#started.reject(new ThawError('Unavailable', 'The server is closing.'))
    const members = [...this.#members.values()]
    for (const member of members) this.#drain(member)
    await Promise.all(members.map(({ process }) => process.exited))
  }

  #count(...stages: Stage[]): number {
    let count = 0
    for (const { stage } of this.#members.values()) if (stages.includes(stage)) count++
    return count
  }

  #reconcile(): void {
    if (this.#state !== 'running') return
    this.#fill()
    this.#spread()
  }

  #fill(): void {
    const missing = (): number => this.#options.workers - this.#count('serving')
    // A worker that is ending has it still: its name is removed with it.
    const hasSocket = () => this.#members.values().some(({ socketPath }) => socketPath === this.#quarantineSocket)
    const quarantineMissing = (): boolean =>
      this.#deployments.quarantined.size > 0 && !this.#quarantineRests && !hasSocket()
    for (const member of this.#members.values()) {
      if (member.stage !== 'standby') continue
      // Port 0 is chosen by one worker; the others wait to be told.
      const portPending = this.#port === 0 && this.#count('serving') > 0
      if (missing() > 0 && !portPending) this.#promote(member, 'serving')
      else if (missing() <= 0 && quarantineMissing()) this.#promote(member, 'quarantine')
    }
    if (this.#failures.backingOff) return
    // While workers are missing or about to listen, a standby would only compete with them for the processor.
    const settled = this.#members.values().every(({ stage, served }) => stage !== 'serving' || served)
    const wanted = missing() + (quarantineMissing() ? 1 : 0) || (settled ? 1 : 0)
    for (let spares = this.#count('starting', 'standby'); spares < wanted; spares++) this.#launch()
  }

  #serving(): IteratorObject<Member> {
    return this.#members.values().filter(({ stage, served }) => stage === 'serving' && served)
  }

  #servingProcesses(): WorkerProcess[] {
    return [...this.#members.values()].filter(({ stage }) => stage === 'serving').map(({ process }) => process)
  }

  #spread(): void {
    this.#held.spread(this.#deployments.provisioned(), this.#servingProcesses())
  }

  #launch(): void {
    const { run, page, launch, logger } = this.#options
    let index = 0
    while (this.#members.has(index)) index++
    if (index >= WORKER_RECORDS) return logger.error('no free worker record in the shared page')
    const incarnation = ++this.#incarnations
    const process = launch({ index, incarnation }, this.#deployments.changes(this.#quarantineSocket), (held) =>
      this.#held.reported(process, held),
    )
    page.worker(index).attach(process.pid, incarnation)
    const socketPath = run.socketPath(`w${index}-${incarnation}`)
    const member: Member = { index, incarnation, process, stage: 'starting', served: false, socketPath }
    this.#members.set(index, member)
    process.ready.then(
      () => {
        if (member.stage === 'starting') member.stage = 'standby'
        this.#reconcile()
      },
      () => {},
    )
    void process.draining.then(() => {
      // Somebody sent it SIGTERM: it accepts no more.
      member.stage = 'ending'
      this.#reconcile()
    })
    void process.exited.then((exit) => this.#gone(member, exit))
  }

  #promote(member: Member, stage: 'serving' | 'quarantine'): void {
    const { host, run, logger } = this.#options
    member.stage = stage
    if (stage === 'quarantine') member.socketPath = this.#quarantineSocket
    run.removeSocket(member.socketPath)
    const address = stage === 'serving' ? { host, port: this.#port } : undefined
    member.process.listen({ public: address, socketPath: member.socketPath }).then(
      (port) => {
        member.served = true
        this.#failures.forget()
        if (stage === 'serving') this.#port = port
        logger.debug({ index: member.index, workerPid: member.process.pid, stage, port }, 'worker listens')
        this.#reconcile()
        if ([...this.#serving()].length >= this.#options.workers) this.#started.resolve(this.#port)
      },
      () => {},
    )
  }

  #gone(member: Member, exit: WorkerExit): void {
    const { page, run, logger } = this.#options
    const record = page.worker(member.index)
    const { running, deployment } = record.read()
    record.attach(0, 0)
    const slots = page.slots.releaseAll(member.incarnation)
    run.removeSocket(member.socketPath)
    this.#members.delete(member.index)
    this.#held.gone(member.process)
    if (member.stage === 'quarantine') this.#restQuarantine()
    const expected = member.stage === 'ending'
    const ended = { index: member.index, workerPid: member.process.pid, slots, exit: describeExit(exit) }
    logger[expected ? 'debug' : 'warn'](ended, 'worker ended')
    if (this.#state !== 'running') return
    if (!expected && running && exit.signal !== 'SIGTERM') this.#blame(deployment)
    if (!expected && !member.served) this.#startFailed(exit)
    this.#reconcile()
  }

  #startFailed(exit: WorkerExit): void {
    const error = this.#failures.add(exit, () => this.#reconcile())
    if (error === undefined) return
    this.kill()
    this.#started.reject(error)
    this.#options.onFatal(error)
  }

  #blame(deployment: number): void {
    if (!this.#culprits.blame(deployment) || !this.#deployments.quarantine(deployment)) return
    this.#options.logger.error({ deployment }, 'a function that keeps costing workers is quarantined')
    void this.#tellAll([{ quarantine: { deployment, socketPath: this.#quarantineSocket } }])
    this.#reconcile()
  }

  #restQuarantine(): void {
    this.#quarantineRests = true
    setTimeout(() => {
      this.#quarantineRests = false
      this.#reconcile()
    }, quarantineRestMs).unref()
  }

  /** Resolves when every worker that serves has the changes, or is gone. The others get them in order, before they serve. */
  async #tellAll(changes: readonly WorkerChange[]): Promise<void> {
    if (changes.length === 0) return
    await Promise.all(
      [...this.#members.values()].map(async (member) => {
        const applied = member.process.apply(changes)
        if (member.stage !== 'serving' && member.stage !== 'quarantine') return
        const timer = setTimeout(() => {
          this.#options.logger.warn({ index: member.index }, 'a worker that took no change was killed')
          this.#retire(member)
        }, ackTimeoutMs)
        await applied
        clearTimeout(timer)
      }),
    )
  }

  #retire(member: Member): void {
    if (member.stage === 'quarantine') this.#restQuarantine()
    member.stage = 'ending'
    member.process.kill()
    this.#reconcile()
  }

  #drain(member: Member): void {
    const { stage, process } = member
    member.stage = 'ending'
    if (stage === 'starting') return process.kill()
    process.drain()
    // It ends itself within drainMs; a guest that holds its thread does not let it.
    const timer = setTimeout(() => process.kill(), this.#options.drainMs + 1_000)
    void process.exited.then(() => clearTimeout(timer))
  }
}
