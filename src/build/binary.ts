/** What a WebAssembly binary is, by its preamble and top-level sections. Component Model, Binary.md, "Component". */

export type BinaryKind =
  | { kind: 'component' }
  | { kind: 'module' | 'wit-package' | 'malformed'; /** Completes "the file is ...". */ reason: string }
  /** Not WebAssembly at all. */
  | { kind: 'other' }

const magic = [0x00, 0x61, 0x73, 0x6d]
const componentPreamble = [0x0d, 0x00, 0x01, 0x00]
const modulePreamble = [0x01, 0x00, 0x00, 0x00]
const preambleBytes = 8
/** Sections that carry code: a core module, a nested component. */
const codeSections = new Set([1, 4])

export function inspectBinary(bytes: Uint8Array): BinaryKind {
  if (!magic.every((byte, at) => bytes[at] === byte)) return { kind: 'other' }
  const version = bytes.subarray(4, preambleBytes)
  const is = (preamble: number[]) => version.length === 4 && preamble.every((byte, at) => version[at] === byte)
  if (is(modulePreamble)) {
    return {
      kind: 'module',
      reason: 'a core module, not a component: make a component of it for the world thaw:function/function',
    }
  }
  if (!is(componentPreamble)) {
    return {
      kind: 'malformed',
      reason: 'WebAssembly of an unknown version: a component begins 00 61 73 6d 0d 00 01 00',
    }
  }
  const sections = sectionIds(bytes)
  if (sections === undefined) {
    return { kind: 'malformed', reason: 'a component cut short or malformed: a section reaches past its end' }
  }
  if (!sections.some((id) => codeSections.has(id))) {
    return { kind: 'wit-package', reason: 'a WIT package: a component with no code in it' }
  }
  return { kind: 'component' }
}

/** The ids of the top-level sections; undefined if one does not fit. */
function sectionIds(bytes: Uint8Array): number[] | undefined {
  const ids: number[] = []
  let at = preambleBytes
  while (at < bytes.length) {
    ids.push(bytes[at] ?? 0)
    at += 1
    let size = 0
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at]
      if (byte === undefined || shift > 28) return undefined
      at += 1
      size += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) break
    }
    at += size
  }
  return at === bytes.length ? ids : undefined
}
