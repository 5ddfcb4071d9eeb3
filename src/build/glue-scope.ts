/** What `link-plan.ts` has found in the glue so far, by name, and what can be asked of it. */
import type { AnyNode } from 'acorn'
import { ThawError } from '../errors.ts'
import { identifier, member, walk } from './syntax.ts'

/** `realloc1Async` and `realloc1` are one. */
export const slotName = /^(memory|realloc|postReturn)(\d+)(?:Async)?$/

/** A core export: of which step, under which name. */
export interface CoreExport {
  step: number
  name: string
}

export class GlueScope {
  readonly #glue: string
  /** Where each `exportsN` comes from. */
  readonly stepOf = new Map<string, number>()
  /** Function declarations, and the initialisers of variables, by name. */
  readonly functions = new Map<string, AnyNode>()
  readonly variables = new Map<string, AnyNode>()
  /** `memory0 = exports3.memory` and the like: the last assignment of a core export to a name. */
  readonly assigned = new Map<string, CoreExport>()
  /** `OutputStream` → wasi:io/streams, output-stream. */
  readonly classes = new Map<string, { iface: string; resource: string }>()

  constructor(glue: string) {
    this.#glue = glue
  }

  /** The glue's description of what a future carries, by its table's number. */
  readonly futures = new Map<number, AnyNode>()

  /** Under which versions functions of an interface are imported. */
  versionsOf(iface: string): string[] {
    const pattern = new RegExp(`\\[iface="${iface}@([^"]+)", function=`, 'g')
    return [...new Set(Array.from(this.#glue.matchAll(pattern), ([, version = '']) => version))]
  }

  text(node: AnyNode | null | undefined): string {
    return node === null || node === undefined ? '' : this.#glue.slice(node.start, node.end)
  }

  coreExport(node: AnyNode): CoreExport | undefined {
    const path = member(node)
    const step = path === undefined ? undefined : this.stepOf.get(path.object)
    return path === undefined || step === undefined ? undefined : { step, name: path.property }
  }
}

/** The first `memoryN` / `reallocN` mentioned in a piece of glue. */
export function slotIn(node: AnyNode | undefined, kind: 'memory' | 'realloc' | 'postReturn'): number | null {
  let slot: number | null = null
  if (node === undefined) return null
  walk(node, (inner) => {
    const match = slotName.exec(identifier(inner) ?? '')
    if (match?.[1] === kind) slot ??= Number(match[2])
  })
  return slot
}

export function unreadable(what: string): ThawError {
  return new ThawError('Build', `The component's wiring could not be read at: ${what}`)
}

export function unsupported(where: string, what: string): ThawError {
  return new ThawError(
    'Build',
    `The component uses a part of the component model that Thaw cannot link: ${what} (at ${where})`,
  )
}
