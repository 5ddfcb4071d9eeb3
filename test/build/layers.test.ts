/** Layers in builds. What a function finds shows at init: it throws what it did not expect. */
import { expect, test } from 'vitest'
import { watGuest } from '../support/guests.ts'
import { testBuilder } from './builder.support.ts'

const handler = 'export const handler = async () => 1\n'
const expecting = (imports: string, expected: string) => ({
  'index.mjs': `${imports}\nif (found !== '${expected}') throw new Error(found)\n${handler}`,
})
const packageOf = (name: string, value: string, folder = 'nodejs/node_modules') => ({
  [`${folder}/${name}/package.json`]: JSON.stringify({ name, main: 'main.js', type: 'module' }),
  [`${folder}/${name}/main.js`]: `export const found = '${value}'`,
})

test('a package in a layer is imported by its name, and may import another', async () => {
  const { builder, request } = await testBuilder()
  const inner = packageOf('inner', 'inner')
  const outer = { ...packageOf('outer', ''), 'nodejs/node_modules/outer/main.js': `export { found } from 'inner'` }
  const code = expecting(`import { found } from 'outer'`, 'inner')
  await expect(builder.build(await request(code, {}, [outer, inner]))).resolves.toMatchObject({ warnings: [] })
})

test('a later layer hides an earlier one, and the function its layers', async () => {
  const { builder, request } = await testBuilder()
  const layers = [packageOf('x', 'first'), packageOf('x', 'second')]
  const code = expecting(`import { found } from 'x'`, 'second')
  await builder.build(await request(code, {}, layers))
  await expect(builder.build(await request(code, {}, layers.toReversed()))).rejects.toThrow('Error: first')
  const own = { ...expecting(`import { found } from 'x'`, 'own'), ...packageOf('x', 'own', 'node_modules') }
  await builder.build(await request(own, {}, layers))
})

test("the runtime's own folder of a layer comes first", async () => {
  const { builder, request } = await testBuilder()
  const layer = { ...packageOf('x', 'any'), ...packageOf('x', 'of 24', 'nodejs/node24/node_modules') }
  const code = expecting(`import { found } from 'x'`, 'of 24')
  await builder.build(await request(code, {}, [layer]))
  await expect(builder.build(await request(code, { runtime: 'nodejs22.x' }, [layer]))).rejects.toThrow('Error: any')
})

test('files of a layer are below /opt, and nothing else of the host is', async () => {
  const { builder, request } = await testBuilder()
  const layer = { 'lib/util.mjs': `export const found = 'util'` }
  await builder.build(await request(expecting(`import { found } from '/opt/lib/util.mjs'`, 'util'), {}, [layer]))
  const climbing = expecting(`import { found } from '/opt/../../../../../../../../etc/passwd'`, '')
  await expect(builder.build(await request(climbing, {}, [layer]))).rejects.toThrow('Cannot import')
  const broken = { 'lib/util.mjs': `import 'nope'` }
  const failing = builder.build(await request(expecting(`import { found } from '/opt/lib/util.mjs'`, ''), {}, [broken]))
  await expect(failing).rejects.toThrow("Cannot find module 'nope' (imported from /opt/lib/util.mjs)")
})

test('AssemblyScript finds a package in a layer', async () => {
  const { builder, request } = await testBuilder()
  const code = {
    'index.ts': `import { found } from 'x'\nexport function handler(event: ArrayBuffer): ArrayBuffer { return found(event) }`,
  }
  const layer = {
    'nodejs/node_modules/x/index.ts': 'export function found(event: ArrayBuffer): ArrayBuffer { return event }',
  }
  await builder.build(await request(code, { runtime: 'assemblyscript' }, [layer]))
  await expect(builder.build(await request(code, { runtime: 'assemblyscript' }))).rejects.toThrow('x.ts')
})

test('the same code with another layer is another build, with the same one the same', async () => {
  const { builder, request } = await testBuilder()
  const code = { 'index.mjs': `import { found } from 'x'\nglobalThis.found = found\n${handler}` }
  const one = await builder.build(await request(code, {}, [packageOf('x', 'one')]))
  const two = await builder.build(await request(code, {}, [packageOf('x', 'two')]))
  const again = await builder.build(await request(code, {}, [packageOf('x', 'one')]))
  expect(two).toMatchObject({ engine: one.engine, cached: false })
  expect(two.snapshot).not.toBe(one.snapshot)
  expect(again).toMatchObject({ snapshot: one.snapshot, cached: true })
})

test('the limit on unzipped bytes is one for the function and its layers', async () => {
  const { builder, request } = await testBuilder({ unzippedBytes: 1_000 })
  const filler = (bytes: number) => ({ 'data.txt': 'x'.repeat(bytes) })
  const code = { 'index.mjs': handler, ...filler(400) }
  await builder.build(await request(code, {}, [filler(500)]))
  const message = 'Unzipped size must be smaller than 1000 bytes (limit unzippedBytes)'
  await expect(builder.build(await request(code, {}, [filler(500), filler(100)]))).rejects.toThrow(message)
})

test('a component takes no layers, and layers must fit together', async () => {
  const { builder, request } = await testBuilder()
  const component = await request(await watGuest('echo'), { runtime: 'provided.component' }, [{ a: 'x' }])
  await expect(builder.build(component)).rejects.toThrow('Layers cannot be merged into a component')
  const clash = await request({ 'index.mjs': handler }, {}, [{ a: 'x' }, { 'a/b': 'x' }])
  await expect(builder.build(clash)).rejects.toThrow('The layers have a path twice, or twice but for case')
})
