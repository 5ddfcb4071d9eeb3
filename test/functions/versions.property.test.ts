/** Versions under random histories, held to a model of a few lines. */
import {
  array,
  assert,
  asyncProperty,
  boolean,
  constant,
  constantFrom,
  integer,
  oneof,
  option,
  record,
  type Arbitrary,
} from 'fast-check'
import { expect, it } from 'vitest'
import { parseFunctionRef } from '../../src/functions/names.ts'
import type { FunctionRecord } from '../../src/store/records.ts'
import { temporaryFolder } from '../store/temp.ts'
import { accountId, createControlPlane, creation, nothing, region, zip, type ControlPlane } from './fakes.ts'

/** `content` and `timeoutSeconds` from few values, so that histories come back to what they had. */
type Step =
  | { kind: 'code'; content: string; publish: boolean }
  | { kind: 'timeout'; timeoutSeconds: number }
  | { kind: 'publish'; description: string | undefined }
  | { kind: 'delete'; version: number }
  | { kind: 'recreate'; publish: boolean }
  | { kind: 'crash' }

const content = constantFrom('one', 'two')
const kind = <const K extends Step['kind']>(name: K) => constant(name)
const publishing = record({ kind: kind('publish'), description: option(content, { nil: undefined }) })
const coding = record({ kind: kind('code'), content, publish: boolean() })
const timing = record({ kind: kind('timeout'), timeoutSeconds: integer({ min: 3, max: 4 }) })
const deleting = record({ kind: kind('delete'), version: integer({ min: 1, max: 6 }) })
const recreating = record({ kind: kind('recreate'), publish: boolean() })
const crashing = record({ kind: kind('crash') })
const step: Arbitrary<Step> = oneof(
  { arbitrary: publishing, weight: 5 },
  { arbitrary: coding, weight: 3 },
  { arbitrary: timing, weight: 2 },
  { arbitrary: deleting, weight: 3 },
  { arbitrary: recreating, weight: 1 },
  { arbitrary: crashing, weight: 2 },
)

interface Model {
  content: string
  timeoutSeconds: number
  /** The highest number ever, and what it was made of while it is there. */
  last: number
  versions: Map<number, string>
}

const sourceOf = ({ content: code, timeoutSeconds }: Model) => `${code} ${timeoutSeconds}`
const ref = (qualifier?: string) => parseFunctionRef('f', qualifier, { accountId, region })
const created = (publish: boolean): Model => ({
  content: 'one',
  timeoutSeconds: 3,
  last: publish ? 1 : 0,
  versions: new Map(publish ? [[1, 'one 3']] : []),
})

/** The number that a publication must answer with. */
function published(model: Model): number {
  const source = sourceOf(model)
  if (model.versions.get(model.last) === source) return model.last
  model.last += 1
  model.versions.set(model.last, source)
  return model.last
}

interface Taken {
  model: Model
  /** Versions as answered, and as they should be. */
  answered: string | undefined
  expected: string | undefined
}

async function apply({ functions }: ControlPlane, model: Model, taken: Step): Promise<Taken> {
  const silent = (next: Model): Taken => ({ model: next, answered: undefined, expected: undefined })
  switch (taken.kind) {
    case 'publish': {
      const input = { codeSha256: undefined, description: taken.description, revisionId: undefined }
      const answer = await functions.publishVersion(ref(), input)
      return { model, answered: describe(answer), expected: `${published(model)} Active` }
    }
    case 'code': {
      const input = { zipFile: zip(taken.content), architecture: undefined, dryRun: false, revisionId: undefined }
      const answer = await functions.updateCode(ref(), { ...input, publish: taken.publish })
      const next = { ...model, content: taken.content }
      const expected = taken.publish ? String(published(next)) : '$LATEST'
      return { model: next, answered: answer.version, expected }
    }
    case 'timeout':
      await functions.updateConfiguration(ref(), { ...nothing, timeoutSeconds: taken.timeoutSeconds })
      return silent({ ...model, timeoutSeconds: taken.timeoutSeconds })
    case 'delete':
      await functions.delete(ref(String(taken.version)))
      model.versions.delete(taken.version)
      return silent(model)
    case 'recreate':
      await functions.delete(ref())
      await functions.create(accountId, 'f', creation({ zipFile: zip('one'), publish: taken.publish }))
      return silent(created(taken.publish))
    case 'crash':
      return silent(model)
  }
}

it('the same code is the same version, numbers are never used twice, and what was published never changes', async () => {
  const history = array(step, { minLength: 1, maxLength: 14 })
  await assert(
    asyncProperty(history, async (steps) => {
      const directory = await temporaryFolder()
      let plane = await createControlPlane(directory)
      try {
        await plane.functions.create(accountId, 'f', creation({ zipFile: zip('one') }))
        await plane.functions.idle()
        let model = created(false)
        for (const [index, taken] of steps.entries()) {
          const isCrashNext = steps[index + 1]?.kind === 'crash'
          if (isCrashNext && taken.kind !== 'publish') plane.builder.gate.close()
          const { answered, expected, ...next } = await apply(plane, model, taken)
          expect(answered).toBe(expected)
          model = next.model
          if (isCrashNext) continue
          if (taken.kind === 'crash') {
            await plane[Symbol.asyncDispose]()
            plane = await createControlPlane(directory)
            await plane.start()
          }
          await plane.functions.idle()
          await assertAgrees(plane, model)
        }
      } finally {
        await plane[Symbol.asyncDispose]()
      }
    }),
    { numRuns: 60 },
  )
}, 60_000)

async function assertAgrees({ functions }: ControlPlane, model: Model): Promise<void> {
  const { items } = await functions.listVersions(ref(), { marker: undefined, maxItems: undefined })
  const [latest, ...versions] = items
  const shown = versions.map(({ version, configuration, state }) => [
    Number(version),
    configuration.timeoutSeconds,
    state.name,
  ])
  const expected = [...model.versions].map(([number, source]) => [number, Number(source.at(-1)), 'Active'])
  expect(shown).toEqual(expected.toSorted(([a], [b]) => Number(a) - Number(b)))
  expect(latest?.version).toBe('$LATEST')
  for (const { live, code } of items) expect(live?.codeSha256).toBe(code.sha256)
  const deployments = items.map(({ deployment }) => deployment)
  expect(new Set(deployments).size).toBe(deployments.length)
}

it('of many who publish at the same time, all get the same version', async () => {
  await using plane = await createControlPlane(await temporaryFolder())
  await plane.functions.create(accountId, 'f', creation())
  await plane.functions.idle()
  const input = { codeSha256: undefined, description: undefined, revisionId: undefined }
  const answers = await Promise.allSettled(
    Array.from({ length: 8 }, () => plane.functions.publishVersion(ref(), input)),
  )
  expect(answers.map((answer) => (answer.status === 'fulfilled' ? describe(answer.value) : answer.reason))).toEqual(
    Array.from({ length: 8 }, () => '1 Active'),
  )
})

const describe = ({ version, state }: FunctionRecord) => `${version} ${state.name}`

it('a version that a crash left Pending is taken up again', async () => {
  const directory = await temporaryFolder()
  {
    await using plane = await createControlPlane(directory)
    plane.builder.gate.close()
    await plane.functions.create(accountId, 'f', creation({ publish: true }))
  }
  await using plane = await createControlPlane(directory)
  expect((await plane.functions.get(ref('1'))).state.name).toBe('Pending')
  await plane.start()
  await plane.functions.idle()
  expect((await plane.functions.get(ref('1'))).state.name).toBe('Active')
  expect((await plane.functions.specs()).map(({ version }) => version).toSorted()).toEqual(['$LATEST', '1'])
})
