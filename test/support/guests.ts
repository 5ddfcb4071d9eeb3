/** Guest fixtures, `test/fixtures/guests/*`, as components. Built once per source and kept in node_modules/.cache/thaw. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { componentEmbed, componentNew, parse } from '@bytecodealliance/jco'
import { witDocument } from '../../src/build/guest-sdk.ts'
import { assemblyscriptComponent, javascriptComponent } from './build-cache.ts'

const folder = join(import.meta.dirname, '..', 'fixtures', 'guests')

export function fixtureText(file: string): string {
  return readFileSync(join(folder, file), 'utf8')
}

/**
 * A WebAssembly text fixture. One that begins with `(module` or `(component` is complete; any other is the fields of a
 * module, to which `prelude.wat` adds a memory, an allocator and a result. `replacements` go in for `{{name}}`.
 */
export function watGuest(name: string, replacements: Record<string, string> = {}): Promise<Uint8Array> {
  let text = fixtureText(`${name}.wat`)
  for (const [key, value] of Object.entries(replacements))
    text = text.replaceAll(`{{${key}}}`, value.replaceAll(/\s+/g, ' '))
  return watComponent(text)
}

export async function watComponent(text: string): Promise<Uint8Array> {
  const code = text.replaceAll(/;;.*$/gm, '').trim()
  if (code.startsWith('(component')) return parse(text)
  const module = code.startsWith('(module') ? text : `(module\n${text}\n${fixtureText('prelude.wat')})`
  // A guest with `turn` is of the world that has an event loop.
  const world = code.includes('event-loop@0.1.0#turn') ? 'javascript' : 'function'
  const embedded = await componentEmbed({ binary: await parse(module), witSource: witDocument(), world })
  return componentNew(embedded)
}

/** `<name>.mjs`, a JavaScript function with the export `handler`. */
export function javascriptGuest(name: string): Promise<Uint8Array> {
  return javascriptComponent(fixtureText(`${name}.mjs`))
}

/** `<name>.ts`, an AssemblyScript function with the export `handler`. */
export function assemblyscriptGuest(name: string): Promise<Uint8Array> {
  return assemblyscriptComponent(fixtureText(`${name}.ts`))
}

/** The same component with other data of the same length: another function, of the same code, in no time. */
export function withText(
  component: Uint8Array,
  from: string,
  to: string,
  encoding: 'utf8' | 'utf16le' = 'utf8',
): Uint8Array {
  const bytes = Buffer.from(component)
  const [old, wanted] = [Buffer.from(from, encoding), Buffer.from(to, encoding)]
  if (old.length !== wanted.length) throw new Error(`"${to}" is not as long as "${from}"`)
  let replaced = 0
  for (let at = bytes.indexOf(old); at !== -1; at = bytes.indexOf(old, at)) {
    wanted.copy(bytes, at)
    replaced++
  }
  if (replaced === 0) throw new Error(`the component has no "${from}"`)
  return bytes
}
