/** Random operations on /tmp, compared with a model that knows nothing but paths. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FileError } from '../../../src/wasi/fs/file-error.ts'
import type { Directory, FileNode } from '../../../src/wasi/fs/nodes.ts'
import { Space } from '../../../src/wasi/fs/space.ts'
import { Tree } from '../../../src/wasi/fs/tree.ts'

const open = { follow: true, create: false, exclusive: false, truncate: false, directory: false }

function writableTree(bytes = 1_048_576) {
  const space = new Space(bytes)
  return { space, tree: new Tree(undefined, space) }
}

function codeOf(run: () => unknown): string {
  try {
    run()
    return 'ok'
  } catch (error) {
    if (error instanceof FileError) return error.code
    throw error
  }
}

function put(tree: Tree, path: string, text: string): void {
  const node = tree.open(tree.root, path, { ...open, create: true, truncate: true })
  if (node.kind === 'regular-file') tree.write(node, 0, Buffer.from(text))
}

function textOf(node: FileNode): string {
  if (node.kind !== 'regular-file') throw new Error(`a ${node.kind}`)
  const bytes = Buffer.alloc(node.contents.size)
  node.contents.read(0, bytes)
  return bytes.toString()
}

function listing(directory: Directory): string[] {
  const names: string[] = []
  for (let entry = directory.after(0); entry !== undefined; entry = directory.after(entry.order)) names.push(entry.name)
  return names
}

/** Every path with what it is, so that two trees can be compared. */
function contentsOf(directory: Directory, prefix = '', found: Record<string, string> = {}): Record<string, string> {
  for (const name of listing(directory)) {
    const node = directory.get(name)
    if (node?.kind === 'directory') contentsOf(node, `${prefix}${name}/`, found)
    if (node !== undefined) found[prefix + name] = nameOf(node)
  }
  return found
}

function nameOf(node: FileNode): string {
  if (node.kind === 'directory') return '/'
  return node.kind === 'regular-file' ? textOf(node) : `-> ${node.target}`
}

describe('a model of paths', () => {
  type Model = Map<string, string>
  const childrenOf = (model: Model, path: string) => [...model.keys()].filter((key) => key.startsWith(`${path}/`))

  /** What resolving the folder of a path comes to, in a tree without links. */
  function wayTo(model: Model, path: string): string {
    const parts = path.split('/').slice(0, -1)
    for (let length = 1; length <= parts.length; length++) {
      const found = model.get(parts.slice(0, length).join('/'))
      if (found === undefined) return 'no-entry'
      if (found !== '/') return 'not-directory'
    }
    return 'ok'
  }

  const operations: Record<string, (model: Model, path: string, other: string) => string> = {
    put(model, path, other) {
      const way = wayTo(model, path)
      if (way !== 'ok') return way
      if (model.get(path) === '/') return 'is-directory'
      model.set(path, other)
      return 'ok'
    },
    mkdir(model, path) {
      const way = wayTo(model, path)
      if (way !== 'ok') return way
      if (model.has(path)) return 'exist'
      model.set(path, '/')
      return 'ok'
    },
    rmdir(model, path) {
      const way = wayTo(model, path)
      if (way !== 'ok') return way
      const found = model.get(path)
      if (found === undefined) return 'no-entry'
      if (found !== '/') return 'not-directory'
      if (childrenOf(model, path).length > 0) return 'not-empty'
      model.delete(path)
      return 'ok'
    },
    unlink(model, path) {
      const way = wayTo(model, path)
      if (way !== 'ok') return way
      const found = model.get(path)
      if (found === undefined) return 'no-entry'
      if (found === '/') return 'is-directory'
      model.delete(path)
      return 'ok'
    },
    rename(model, path, other) {
      for (const each of [path, other]) {
        const way = wayTo(model, each)
        if (way !== 'ok') return way
      }
      const found = model.get(path)
      if (found === undefined) return 'no-entry'
      if (found === '/' && other.startsWith(`${path}/`)) return 'invalid'
      const target = model.get(other)
      if (path === other) return 'ok'
      if (target === '/' && found !== '/') return 'is-directory'
      if (target === '/' && childrenOf(model, other).length > 0) return 'not-empty'
      if (target !== undefined && target !== '/' && found === '/') return 'not-directory'
      for (const key of [path, ...childrenOf(model, path)]) {
        model.set(other + key.slice(path.length), model.get(key) ?? '')
        model.delete(key)
      }
      return 'ok'
    },
  }

  function perform(tree: Tree, kind: string, path: string, other: string): void {
    if (kind === 'put') put(tree, path, other)
    else if (kind === 'mkdir') tree.createDirectory(tree.root, path)
    else if (kind === 'rmdir') tree.removeDirectory(tree.root, path)
    else if (kind === 'unlink') tree.unlink(tree.root, path)
    else tree.rename(tree.root, path, tree.root, other)
  }

  const name = fc.constantFrom('a', 'b', 'c')
  const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'))
  const step = fc.record({ kind: fc.constantFrom(...Object.keys(operations)), path, other: path })

  test('any sequence of operations has the same answers and leaves the same tree', () => {
    const property = fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const { tree, space } = writableTree()
      const model: Model = new Map()
      for (const { kind, path, other } of steps) {
        const wanted = operations[kind]?.(model, path, other)
        expect([kind, path, other, codeOf(() => perform(tree, kind, path, other))]).toEqual([kind, path, other, wanted])
      }
      expect(contentsOf(tree.root)).toEqual(Object.fromEntries(model))
      expect(space.names).toBe(model.size)
      for (const path of [...model.keys()].toSorted((a, b) => b.length - a.length)) {
        if (model.get(path) === '/') tree.removeDirectory(tree.root, path)
        else tree.unlink(tree.root, path)
      }
      // Whatever the way there, an empty tree takes nothing.
      expect([space.names, space.usedBytes]).toEqual([0, 0])
    })
    fc.assert(property, { numRuns: 300 })
  })

  test('the model reaches every answer', () => {
    const reached = new Set<string>()
    for (const steps of fc.sample(fc.array(step, { minLength: 60, maxLength: 60 }), { numRuns: 60, seed: 1 })) {
      const model: Model = new Map()
      for (const { kind, path, other } of steps) reached.add(operations[kind]?.(model, path, other) ?? '')
    }
    expect([...reached].toSorted()).toEqual(
      ['exist', 'invalid', 'is-directory', 'no-entry', 'not-directory', 'not-empty', 'ok'].toSorted(),
    )
  })
})

describe('limits', () => {
  test('empty files cost too, so that their number is bounded by the bytes', () => {
    const { tree } = writableTree(100_000)
    let made = 0
    const code = codeOf(() => {
      for (; made < 1_000; made++) put(tree, `file-${made}`, '')
    })
    expect(code).toBe('insufficient-space')
    expect(made).toBeGreaterThan(50)
    expect(made).toBeLessThan(200)
  })

  test('names have a number of their own, whatever they name', () => {
    const { tree, space } = writableTree(2 ** 40)
    put(tree, 'one', '')
    const code = codeOf(() => {
      for (let at = 0; ; at++) tree.link(tree.root, 'one', false, tree.root, `link-${at}`)
    })
    expect([code, space.names]).toEqual(['quota', 32_768])
    expect(codeOf(() => tree.createDirectory(tree.root, 'folder'))).toBe('quota')
    expect(codeOf(() => tree.createSymbolicLink(tree.root, 'link', 'one'))).toBe('quota')
    // A rename needs no more names than there are.
    expect(codeOf(() => tree.rename(tree.root, 'one', tree.root, 'two'))).toBe('ok')
    tree.unlink(tree.root, 'two')
    expect(codeOf(() => tree.createDirectory(tree.root, 'folder'))).toBe('ok')
  })

  test('a name that there is no room for leaves what was to be renamed', () => {
    const { tree, space } = writableTree(1_000)
    put(tree, 'a', '')
    const used = space.usedBytes
    expect(codeOf(() => tree.rename(tree.root, 'a', tree.root, 'n'.repeat(255)))).toBe('insufficient-space')
    expect([contentsOf(tree.root), space.usedBytes, space.names]).toEqual([{ a: '' }, used, 1])
  })

  test('the text of symbolic links counts', () => {
    const { tree, space } = writableTree()
    tree.createSymbolicLink(tree.root, 'link', 'x'.repeat(4_000))
    expect(space.usedBytes).toBeGreaterThan(8_000)
    tree.unlink(tree.root, 'link')
    expect(space.usedBytes).toBe(0)
  })

  test('a file that is open keeps its contents and its bytes until it is closed', () => {
    const { tree, space } = writableTree()
    put(tree, 'a', 'still here')
    const node = tree.find(tree.root, 'a', false)
    tree.opened(node)
    tree.opened(node)
    tree.unlink(tree.root, 'a')
    expect(textOf(node)).toBe('still here')
    tree.closed(node)
    expect(space.usedBytes).toBeGreaterThan(4_096)
    tree.closed(node)
    expect(space.usedBytes).toBe(0)
  })

  test('disposed, it holds nothing, not even of files that were open', () => {
    const { tree, space } = writableTree()
    put(tree, 'a', 'x'.repeat(100_000))
    const node = tree.find(tree.root, 'a', false)
    tree.opened(node)
    tree[Symbol.dispose]()
    tree.closed(node)
    expect(space.usedBytes).toBeLessThan(4_096)
  })
})

describe('a listing', () => {
  test('has each entry that is there throughout once, whatever comes and goes', () => {
    const property = fc.property(fc.array(fc.nat(29), { maxLength: 60 }), (others) => {
      const { tree } = writableTree()
      const kept = Array.from({ length: 10 }, (_, at) => `kept-${at}`)
      for (const name of kept) put(tree, name, '')
      const seen: string[] = []
      let position = 0
      for (;;) {
        const next = others.shift()
        if (next !== undefined && codeOf(() => tree.unlink(tree.root, `other-${next}`)) === 'no-entry')
          put(tree, `other-${next}`, '')
        const entry = tree.root.after(position)
        if (entry === undefined) break
        position = entry.order
        seen.push(entry.name)
      }
      expect(seen.filter((name) => name.startsWith('kept')).toSorted()).toEqual(kept)
    })
    fc.assert(property, { numRuns: 100 })
  })

  test('removing what was listed empties a folder of any size', () => {
    const { tree } = writableTree(2 ** 30)
    for (let at = 0; at < 3_000; at++) put(tree, `file-${at}`, '')
    let position = 0
    for (let entry = tree.root.after(0); entry !== undefined; entry = tree.root.after(position)) {
      position = entry.order
      tree.unlink(tree.root, entry.name)
    }
    expect(tree.root.size).toBe(0)
  })
})
