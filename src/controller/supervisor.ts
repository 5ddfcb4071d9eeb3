import type { Logger } from 'pino'
import { ThawError } from '../errors.ts'
import type { DataPlaneChange } from '../functions/collaborators.ts'
import { WORKER_RECORDS } from '../memory/page-layout.ts'
import type { SharedPage } from '../memory/shared-page.ts'
import type { StuckWorker } from '../memory/ticker.ts'
import type { WorkerChange } from '../worker/messages.ts'
import { createCulprits } from './culprits.ts'
import { Deployments } from './deployments.ts'
import type { RunFolder } from './run-folder.ts'
import { describeExit, type WorkerExit, type WorkerProcess } from './worker-process.ts'

export interface SupervisorOptions {
  /** How many serve the public port. */
  workers: number
  host: string
  /** 0: the first worker's choice becomes everybody's. */
  port: number
  drainMs: number
  page: SharedPage
  run: RunFolder
  logger: Logger
  launch: (place: WorkerPlace, changes: WorkerChange[]) => WorkerProcess
  /** Workers cannot be kept alive. Called once; nothing is served any more. */
  onFatal: (error: ThawError) => void
}

export interface WorkerPlace {
  index: number
  incarnation: number
}

/**
 * starting -> standby -> serving | quarantine -> ending. A worker that is `ending` was sent a kill or a drain and counts
 * for nothing but its slots.
 */
type Stage = 'starting' | 'standby' | 'serving' | 'quarantine' | 'ending'

interface Member extends WorkerPlace {
  process: WorkerProcess
  stage: Stage
  /** It once served: its death is no failure to start. */
  served: boolean
  socketPath: string
}

/** Ours: a worker that does not take a change within this time would serve what is no longer. */
const ackTimeoutMs = 5_000
/** Ours: so many deaths before serving, one after the other, are the machine's or the installation's fault. */
const startAttempts = 5
const firstBackoffMs = 100
/** Ours: a quarantined function may cost its worker again and again; not more often than this. */
const quarantineRestMs = 1_000

/**
 * Keeps so many workers serving, and one more process started and waiting (the standby), so that the place of a dead
 * worker is taken at once. `#reconcile` is the one place that decides what to start and whom to promote.
 */
export class Supervisor implements AsyncDisposable {
  readonly #options: SupervisorOptions
  readonly #members = new Map<number, Member>()
  readonly #deployments = new Deployments()
  readonly #culprits = createCulprits()
  readonly #started = Promise.withResolvers<number>()
  #quarantineSocket: string
  #quarantineRests = false
  #port: number
  #incarnations = 0
  #failures = 0
  #backingOff: NodeJS.Timeout | undefined
  #state: 'idle' | 'running' | 'closed' = 'idle'

  constructor(options: SupervisorOptions) {
    this.#options = options
    this.#port = options.port
    this.#quarantineSocket = options.run.socketPath('quarantine')
    this.#started.promise.catch(() => {})
  }

  /** Resolves with the public port when all workers serve. */
  start(served: readonly DataPlaneChange[]): Promise<number> {
    for (const change of served) this.#deployments.apply(change)
    this.#state = 'running'
    this.#reconcile()
    return this.#started.promise
  }

  /** See DataPlane.publish. A worker that does not acknowledge in time is killed: then it has not seen the old state either. */
  async publish(change: DataPlaneChange): Promise<void> {
    for (const replaced of this.#deployments.apply(change)) this.#culprits.forget(replaced)
    if ('put' in change || 'remove' in change) await this.#tellAll(change)
    if (this.#deployments.quarantined.size > 0) return
    for (const member of this.#members.values()) if (member.stage === 'quarantine') this.#drain(member)
  }

  async provisioned(): Promise<number> {
    return 0
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
    clearTimeout(this.#backingOff)
    for (const { process } of this.#members.values()) process.kill()
  }

  /** Lets open requests finish, within drainMs. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#state = 'closed'
    clearTimeout(this.#backingOff)
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
    const missing = (): number => this.#options.workers - this.#count('serving')
    const quarantineMissing = (): boolean =>
      this.#deployments.quarantined.size > 0 && !this.#quarantineRests && !this.#hasQuarantineSocket()
    for (const member of this.#members.values()) {
      if (member.stage !== 'standby') continue
      // Port 0 is chosen by one worker; the others wait to be told.
      const portPending = this.#port === 0 && this.#count('serving') > 0
      if (missing() > 0 && !portPending) this.#promote(member, 'serving')
      else if (missing() <= 0 && quarantineMissing()) this.#promote(member, 'quarantine')
    }
    if (this.#backingOff !== undefined) return
    // While workers are missing or about to listen, a standby would only compete with them for the processor.
    const settled = this.#members.values().every(({ stage, served }) => stage !== 'serving' || served)
    const wanted = missing() + (quarantineMissing() ? 1 : 0) || (settled ? 1 : 0)
    for (let spares = this.#count('starting', 'standby'); spares < wanted; spares++) this.#launch()
  }

  #launch(): void {
    const { run, page, launch, logger } = this.#options
    let index = 0
    while (this.#members.has(index)) index++
    if (index >= WORKER_RECORDS) return logger.error('no free worker record in the shared page')
    const incarnation = ++this.#incarnations
    const process = launch({ index, incarnation }, this.#deployments.changes(this.#quarantineSocket))
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
        this.#failures = 0
        if (stage === 'serving') this.#port = port
        logger.debug({ index: member.index, workerPid: member.process.pid, stage, port }, 'worker listens')
        this.#reconcile()
        const all = [...this.#members.values()].filter(({ stage, served }) => stage === 'serving' && served)
        if (all.length >= this.#options.workers) this.#started.resolve(this.#port)
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
    this.#failures++
    if (this.#failures >= startAttempts) {
      const message = `Workers cannot start: ${startAttempts} in a row ended before they served; the last with ${describeExit(exit)}`
      const error = new ThawError('Service', message)
      this.kill()
      this.#started.reject(error)
      return this.#options.onFatal(error)
    }
    clearTimeout(this.#backingOff)
    const delayMs = firstBackoffMs * 2 ** (this.#failures - 1)
    this.#backingOff = setTimeout(() => {
      this.#backingOff = undefined
      this.#reconcile()
    }, delayMs)
  }

  #blame(deployment: number): void {
    if (!this.#culprits.blame(deployment) || !this.#deployments.quarantine(deployment)) return
    this.#options.logger.error({ deployment }, 'a function that keeps costing workers is quarantined')
    void this.#tellAll({ quarantine: { deployment, socketPath: this.#quarantineSocket } })
    this.#reconcile()
  }

  /** A worker that is ending has it still: its name is removed with it. */
  #hasQuarantineSocket(): boolean {
    return this.#members.values().some(({ socketPath }) => socketPath === this.#quarantineSocket)
  }

  #restQuarantine(): void {
    this.#quarantineRests = true
    setTimeout(() => {
      this.#quarantineRests = false
      this.#reconcile()
    }, quarantineRestMs).unref()
  }

  /** Resolves when every worker that serves has the change, or is gone. The others get it in order, before they serve. */
  async #tellAll(change: WorkerChange): Promise<void> {
    await Promise.all(
      [...this.#members.values()].map(async (member) => {
        const applied = member.process.apply(change)
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
