/** `engine` of thaw.json, and what becomes of it in the package. */
import { expect, test } from 'vitest'
import { engineOf } from '../../src/build/engine-choice.ts'
import { openPackage } from '../../src/build/package.ts'
import { packProject } from '../../src/cli/project/pack.ts'
import { readProject } from '../../src/cli/project/project.ts'
import { limitsSchema } from '../../src/config.ts'
import { folderOf, thaw } from './support.ts'

const source = { 'index.mjs': 'export const handler = () => 1' }

async function packed(files: Record<string, string>) {
  const zip = await packProject(readProject(await folderOf({ ...source, ...files })))
  const opened = await openPackage(zip, limitsSchema.parse({}))
  const manifest = opened.kind === 'files' ? opened.files.get('package.json') : undefined
  return { engine: engineOf(opened), manifest: manifest === undefined ? undefined : Buffer.from(manifest).toString() }
}

const asks = (engine: string) => JSON.stringify({ engine })

test('it goes into the manifest, beside what is there', async () => {
  expect(await packed({ 'thaw.json': asks('starlingmonkey') })).toEqual({
    engine: 'starlingmonkey',
    manifest: '{"thaw":{"engine":"starlingmonkey"}}',
  })
  const manifest = '{ "name": "a", "thaw": { "engine": "quickjs", "x": 1 } }'
  expect(await packed({ 'thaw.json': asks('starlingmonkey'), 'package.json': manifest })).toEqual({
    engine: 'starlingmonkey',
    manifest: '{"name":"a","thaw":{"engine":"starlingmonkey","x":1}}',
  })
})

test('without it the manifest is as it is, and its engine counts', async () => {
  const manifest = '{ "thaw": { "engine": "starlingmonkey" } }\n'
  expect(await packed({ 'package.json': manifest })).toEqual({ engine: 'starlingmonkey', manifest })
  expect(await packed({})).toEqual({ engine: 'quickjs', manifest: undefined })
})

test.each([
  [{ 'thaw.json': asks('v8') }, /thaw\.json: engine: [^\n]*quickjs[^\n]*starlingmonkey/],
  [{ 'thaw.json': asks('quickjs'), 'package.json': '[]' }, /package\.json is no JSON object/],
])('what cannot be is said in one line', async (files, message) => {
  const { code, stderr } = await thaw(['build', await folderOf({ ...source, ...files })])
  expect(code).toBe(1)
  expect(stderr).toMatch(message)
})
