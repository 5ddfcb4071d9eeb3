/** The queue against a model of Lambda's rules, over random answers, ages, crashes and refusing destinations. */
import { join } from 'node:path'
import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { temporaryFolder } from '../../store/temp.ts'
import { FakeTimers } from '../fake-timers.ts'
import {
  createHarness,
  failure,
  hour,
  queueArn,
  success,
  throttled,
  turn,
  unavailable,
  type Call,
  type Harness,
} from './harness.ts'

type Answer = 'success' | 'error' | 'throttled' | 'unavailable'
const resultOf = { success: success(), error: failure(), throttled: throttled(), unavailable }
const answers = fc.constantFrom<Answer>('success', 'error', 'error', 'throttled', 'unavailable')

interface Plan {
  /** Answers of the attempts; the last one stays. */
  script: Answer[]
  maximumRetryAttempts: number
  maximumEventAgeSeconds: number
  startMs: number
}
const plans = fc.record<Plan>({
  script: fc.array(answers, { minLength: 1, maxLength: 14 }),
  maximumRetryAttempts: fc.integer({ min: 0, max: 2 }),
  maximumEventAgeSeconds: fc.oneof(fc.integer({ min: 60, max: 600 }), fc.integer({ min: 600, max: 21_600 })),
  startMs: fc.integer({ min: 0, max: 300_000 }),
})

/** When Lambda invokes, in ms since the event was accepted, and how it ends. */
function model({ script, maximumRetryAttempts, maximumEventAgeSeconds }: Plan): { times: number[]; ending: string } {
  const endMs = maximumEventAgeSeconds * 1_000
  const times: number[] = []
  let failures = 0
  let refusals = 0
  for (let at = 0; ;) {
    const answer = script[Math.min(times.length, script.length - 1)]
    times.push(at)
    if (answer === 'success') return { times, ending: 'Success' }
    if (answer === 'error') {
      refusals = 0
      failures++
      if (failures > maximumRetryAttempts) return { times, ending: 'RetriesExhausted' }
      at += failures === 1 ? 60_000 : 120_000
      if (at > endMs) return { times, ending: 'EventAgeExceeded' }
    } else {
      const waitMs = [1, 2, 4, 8, 16, 32, 64, 128, 256][refusals] ?? 300
      refusals++
      if (at >= endMs - 1_000) return { times, ending: 'EventAgeExceeded' }
      at = Math.min(at + waitMs * 1_000, endMs - 1_000)
    }
  }
}

const conditionsOf = (sent: Harness['sent']): Record<string, string[]> => {
  const found: Record<string, string[]> = {}
  for (const { body } of sent) {
    const { requestContext } = JSON.parse(body)
    ;(found[requestContext.requestId] ??= []).push(requestContext.condition)
  }
  return found
}

it('invokes exactly when the model does, and ends as it does', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(plans, { minLength: 1, maxLength: 5 }), async (events) => {
      const h = await createHarness({ owned: true })
      const start = h.timers.now()
      const named = events.map((plan, index) => ({ ...plan, name: `f${index}` }))
      for (const { name, script, ...config } of named) {
        h.settings.set(name, { ...config, onSuccess: queueArn('out'), onFailure: queueArn('out') })
        h.answers.set(
          name,
          script.map((answer) => resultOf[answer]),
        )
      }
      for (const { name, startMs } of named.toSorted((a, b) => a.startMs - b.startMs)) {
        await h.pass(start + startMs - h.timers.now())
        await h.accept(name, { requestId: name })
      }
      await h.pass(8 * hour)
      const conditions = conditionsOf(h.sent)
      for (const plan of named) {
        const { times, ending } = model(plan)
        const calls = h.calls.filter(({ functionName }) => functionName === plan.name)
        expect(calls.map(({ at }) => at - start - plan.startMs)).toEqual(times)
        expect(conditions[plan.name]).toEqual([ending])
      }
      expect(h.timers.pending).toBe(0)
      expect(h.slots.used).toBe(0)
      h.kill()
    }),
    { numRuns: 150 },
  )
}, 60_000)

interface Acceptance {
  do: 'accept'
  functionName: keyof typeof settings
  script: (Answer | 'stuck')[]
}
type Step =
  | Acceptance
  | { do: 'pass'; ms: number }
  /** After so many turns of the event loop: in the middle of whatever goes on. */
  | { do: 'crash'; turns: number }
  | { do: 'refuse' }
  | { do: 'relent' }

const acceptances = fc.record<Acceptance>({
  do: fc.constant('accept'),
  functionName: fc.constantFrom('plain', 'told', 'dead', 'short'),
  script: fc.array(fc.oneof(answers, fc.constant('stuck' as const)), { minLength: 1, maxLength: 6 }),
})
const steps = fc.oneof<fc.WeightedArbitrary<Step>[]>(
  { weight: 5, arbitrary: acceptances },
  { weight: 4, arbitrary: fc.integer({ min: 0, max: 200_000 }).map((ms) => ({ do: 'pass', ms })) },
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 8 }).map((turns) => ({ do: 'crash', turns })) },
  { weight: 1, arbitrary: fc.constantFrom<Step>({ do: 'refuse' }, { do: 'relent' }) },
)

const settings = {
  plain: {},
  told: { onSuccess: queueArn('good'), onFailure: queueArn('bad') },
  dead: { deadLetterTarget: queueArn('dlq'), maximumRetryAttempts: 1 },
  short: { onFailure: queueArn('bad'), maximumEventAgeSeconds: 100 },
}

type Told = Harness['sent'][number] & { life: number }

interface Followed {
  requestId: string
  functionName: keyof typeof settings
  script: Acceptance['script']
  acceptedAt: number
  /** Attempts begun, by the life of the server and what they answered. */
  attempts: { life: number; at: number; answer: Answer | 'stuck' }[]
}

it('loses no event and ends each in one way a life, whenever the server is killed', async () => {
  const folder = await temporaryFolder()
  let runs = 0
  await fc.assert(
    fc.asyncProperty(fc.array(steps, { minLength: 1, maxLength: 25 }), async (history) => {
      const path = join(folder, `${runs++}.db`)
      const timers = new FakeTimers()
      const followed = new Map<string, Followed>()
      const sent: Told[] = []
      const discarded = new Set<string>()
      let life = 0
      let stuck = 0
      let finishing = false
      let refusing = false

      const respond = ({ requestId, at }: Call) => {
        const event = followed.get(requestId)
        if (event === undefined) throw new Error('not accepted')
        const { script, attempts } = event
        const planned = script[Math.min(attempts.length, script.length - 1)] ?? 'success'
        const answer = finishing && planned === 'stuck' ? 'success' : planned
        attempts.push({ life, at, answer })
        if (answer !== 'stuck') return resultOf[answer]
        stuck++
        return new Promise<never>(() => {})
      }
      const open = async (): Promise<Harness> => {
        const h = await createHarness({ path, timers, owned: true })
        h.script.respond = respond
        for (const [name, of] of Object.entries(settings)) h.settings.set(name, of)
        if (refusing) for (const name of ['good', 'bad', 'dlq']) h.failing.add(queueArn(name))
        return h
      }
      const collect = (): void => {
        for (const message of h.sent.splice(0)) sent.push({ ...message, life })
        for (const { requestId, msg } of h.logs.splice(0))
          if (String(msg).includes('discarded')) discarded.add(String(requestId))
      }
      /** Until only those are in work that never answer. */
      const quiet = async (): Promise<void> => {
        for (let calm = 0; calm < 6; calm = h.slots.used === stuck ? calm + 1 : 0) await turn()
      }
      const crash = async (): Promise<void> => {
        h.kill()
        collect()
        life++
        stuck = 0
        h = await open()
      }

      let h = await open()
      for (const step of history) {
        if (step.do === 'accept') {
          const { functionName, script } = step
          const requestId = `${followed.size}`
          followed.set(requestId, { requestId, functionName, script, acceptedAt: timers.now(), attempts: [] })
          await h.accept(functionName, { requestId })
        } else if (step.do === 'pass') await timers.advanceTo(timers.now() + step.ms, quiet)
        else if (step.do === 'crash') {
          for (let index = 0; index < step.turns; index++) await turn()
          await crash()
        } else {
          refusing = step.do === 'refuse'
          if (!refusing) h.failing.clear()
          else for (const name of ['good', 'bad', 'dlq']) h.failing.add(queueArn(name))
        }
      }
      finishing = true
      refusing = false
      await crash()
      await timers.advanceTo(timers.now() + 8 * hour, quiet)
      collect()
      const left = await h.events.census()
      h.kill()

      expect(left).toEqual([])
      for (const event of followed.values()) expect(endsOnce(event, sent, discarded)).toBeUndefined()
    }),
    { numRuns: 150 },
  )
}, 120_000)

/** What is wrong with it, if anything is. */
function endsOnce(
  { requestId, functionName, acceptedAt, attempts }: Followed,
  sent: readonly Told[],
  discarded: ReadonlySet<string>,
): string | undefined {
  const own = sent.filter(
    ({ body, attributes }) =>
      attributes.RequestID?.stringValue === requestId ||
      (attributes.RequestID === undefined && JSON.parse(body).requestContext.requestId === requestId),
  )
  const ways = new Set(own.map(({ arn }) => arn))
  const config = { maximumRetryAttempts: 2, maximumEventAgeSeconds: 21_600, ...settings[functionName] }
  const lives = new Set([...attempts, ...own].map(({ life }) => life)).size
  // A crash between telling and forgetting repeats it; nothing else does.
  if (new Set(own.map(({ life }) => life)).size < own.length) return `told twice in one life`
  const succeeded = attempts.at(-1)?.answer === 'success'
  const expected = {
    plain: succeeded ? [] : ['discarded'],
    told: succeeded ? [queueArn('good')] : [queueArn('bad')],
    dead: succeeded ? [] : [queueArn('dlq')],
    short: succeeded ? [] : [queueArn('bad')],
  }[functionName]
  const seen = discarded.has(requestId) ? ['discarded', ...ways] : [...ways]
  if (!expected.every((way) => seen.includes(way))) return `ended as ${seen.join()}, not as ${expected.join()}`
  // What is repeated may end otherwise: the function answers anew.
  if (seen.length > expected.length + lives - 1) return `ended as ${seen.join()} in ${lives} lives`

  // Of one life all errors are known; an attempt that a crash cut off is run again and does not count.
  for (const [life, inLife] of Map.groupBy(attempts, (attempt) => attempt.life)) {
    const errors = inLife.filter(({ answer }) => answer === 'error').length
    if (errors > config.maximumRetryAttempts + 1) return `${errors} errors in life ${life}`
    for (const [index, { at, answer }] of inLife.entries()) {
      const next = inLife[index + 1]
      if (next === undefined) continue
      if (answer === 'stuck' || answer === 'success') return `run again in life ${life} after ${answer}`
      const least = answer === 'error' ? 60_000 : 1_000
      const lastChance = acceptedAt + config.maximumEventAgeSeconds * 1_000 - 1_000
      if (next.at - at < least && next.at !== lastChance) return `run again ${next.at - at} ms after ${answer}`
    }
  }
  return undefined
}
