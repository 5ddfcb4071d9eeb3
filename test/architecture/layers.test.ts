import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { expect, test } from 'vitest'

/** Top to bottom (docs/architecture.md, "Layout"). A file imports from its own folder or from a layer below. */
const layers = [
  ['index.ts'],
  ['cli'],
  ['controller'],
  ['worker'],
  ['api'],
  ['functions'],
  ['events'],
  ['identity'],
  ['build'],
  ['instance'],
  ['snapshot'],
  ['wasi'],
  ['egress'],
  ['memory'],
  ['store'],
  ['config.ts'],
  ['invocation.ts'],
  ['http'],
  ['errors.ts'],
]

/** Type-only imports of the snapshot's format are data shapes, and wasi/ names the handles that go into them. */
const allowed = new Set(['wasi -> snapshot/format.ts'])

const root = resolve(import.meta.dirname, '../../src')

function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(ts|mjs)$/.test(entry.name) && !entry.name.endsWith('.d.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
}

function top(path: string): string {
  return relative(root, path).split('/')[0] ?? ''
}

function layerOf(folder: string): number {
  return layers.findIndex((names) => names.includes(folder))
}

export function violations(files: { path: string; source: string }[]): string[] {
  const found: string[] = []
  for (const { path, source } of files) {
    const from = top(path)
    if (layerOf(from) === -1) found.push(`${relative(root, path)}: not in a layer`)
    for (const match of source.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)) {
      const target = resolve(dirname(path), match[1] ?? '')
      const to = top(target)
      if (to === from || allowed.has(`${from} -> ${relative(root, target)}`)) continue
      if (layerOf(to) <= layerOf(from)) found.push(`${relative(root, path)} imports ${relative(root, target)}`)
    }
  }
  return found
}

test('imports point downward only', () => {
  const files = filesOf(root).map((path) => ({ path, source: readFileSync(path, 'utf8') }))
  expect(files.length).toBeGreaterThan(20)
  expect(violations(files)).toEqual([])
})

test('an import that points upward is found', () => {
  const path = join(root, 'store/store.ts')
  expect(violations([{ path, source: "import { x } from '../api/app.ts'" }])).toEqual([
    'store/store.ts imports api/app.ts',
  ])
  expect(violations([{ path, source: "const y = await import('../cli/main.ts')" }])).toHaveLength(1)
})

test('there are no barrels besides src/index.ts', () => {
  const barrels = filesOf(root).filter((path) => path.endsWith('/index.ts') && path !== join(root, 'index.ts'))
  expect(barrels).toEqual([])
})
