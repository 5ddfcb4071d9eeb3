/** The imports of core modules as jco's glue provides them, each as the linker is to provide it. */
import type { AnyNode } from 'acorn'
import { ThawError } from '../errors.ts'
import type { CanonOptions, EntryKind, ImportRef } from '../instance/plan.ts'
import { readAsyncBuiltin } from './async-builtins.ts'
import { slotIn, unreadable, unsupported, type GlueScope } from './glue-scope.ts'
import { assertFlatResponse, assertFlatResult, isFlatResult } from './handle-types.ts'
import { call, identifier, literal, member, properties, walk } from './syntax.ts'

export interface HostImport {
  iface: string
  version: string
  func: string
}

const ifaceComment = /\[iface="([^"@]+)(?:@([^"]+))?", function="([^"]+)"\]/

export class ImportReader {
  readonly #scope: GlueScope
  readonly #entry: EntryKind
  readonly #imports = new Map<string, HostImport>()

  constructor(scope: GlueScope, entry: EntryKind) {
    this.#scope = scope
    this.#entry = entry
  }

  /** Every host function read so far. */
  get hostImports(): HostImport[] {
    return [...this.#imports.values()]
  }

  /** Errors: `Build`, naming `where` and what cannot be linked there. */
  read(node: AnyNode, where: string): ImportRef {
    const called = call(node)
    // Object.assign(x, { _jcoMaySuspend: … }) and _guardMayLeave(component, x) wrap what is meant.
    if (called?.callee === 'Object.assign' && called.args[0] !== undefined) return this.read(called.args[0], where)
    if (called?.callee === '_guardMayLeave' && called.args[1] !== undefined) return this.read(called.args[1], where)
    if (called !== undefined) {
      const bound = this.#bound(called, where)
      if (bound !== undefined) return bound
    }
    const core = this.#scope.coreExport(node)
    if (core !== undefined) return { kind: 'export', ...core }
    const lifted = suspendable(node)
    if (lifted !== undefined) return this.read(lifted, where)
    const name = identifier(node)
    if (name === undefined) throw unreadable(where)
    const flags = /^instanceFlags(\d+)$/.exec(name)
    if (flags !== null) return { kind: 'instance-flags', instance: Number(flags[1]) }
    const assigned = this.#scope.assigned.get(name)
    if (assigned !== undefined) return { kind: 'export', ...assigned }
    const body = this.#scope.functions.get(name)
    if (body !== undefined) return this.#trampolineFunction(body, where)
    const value = this.#scope.variables.get(name)
    if (value === undefined) throw unreadable(where)
    return this.#trampolineValue(value, where)
  }

  /** function trampolineN(…) { … }: resource drops, traps, transcoders. */
  #trampolineFunction(body: AnyNode, where: string): ImportRef {
    let found: ImportRef | undefined
    walk(body, (node) => {
      if (node.type === 'NewExpression' && identifier(node.callee) === 'WebAssemblyRuntimeError') {
        const message = literal(node.arguments[0])
        if (typeof message === 'string') found ??= { kind: 'trap', message }
      }
      // if (OutputStream[symbolCabiDispose]) …
      if (node.type === 'MemberExpression' && node.computed && identifier(node.property) === 'symbolCabiDispose') {
        const resource = this.#scope.classes.get(identifier(node.object) ?? '')
        if (resource !== undefined) found = { kind: 'drop', ...resource, iface: this.#ifaceOf(resource.iface) }
      }
    })
    if (found?.kind === 'drop' || found?.kind === 'trap') return found
    const copy = this.#transcoder(body)
    if (copy !== undefined) return copy
    throw unsupported(where, 'a resource of its own, or a string transcoding other than UTF-8')
  }

  /** new Uint8Array(memoryA.buffer, to, len).set(new Uint8Array(memoryB.buffer, from, len)) */
  #transcoder(body: AnyNode): ImportRef | undefined {
    let ref: ImportRef | undefined
    walk(body, (node) => {
      if (node.type !== 'CallExpression' || node.callee.type !== 'MemberExpression') return
      if (identifier(node.callee.property) !== 'set') return
      const to = memorySlot(node.callee.object)
      const from = memorySlot(node.arguments[0])
      if (to !== undefined && from !== undefined) ref = { kind: 'copy', from, to }
    })
    return ref
  }

  /** let trampolineN = cond ? Suspending(lowered) : lowered; const trampolineN = taskReturn.bind(null, {…}) */
  #trampolineValue(value: AnyNode, where: string): ImportRef {
    if (value.type === 'ConditionalExpression') return this.#trampolineValue(value.alternate, where)
    if (identifier(value) === '_symmetricSyncGuestCallExit') return { kind: 'sync-call-exit' }
    const called = call(value)
    if (called?.callee === '_conditionalSuspending3I32ToVoid') return { kind: 'sync-call-enter' }
    const bound = called === undefined ? undefined : this.#bound(called, where)
    if (bound !== undefined) return bound
    const lifted = suspendable(value)
    if (lifted !== undefined) return this.#trampolineValue(lifted, where)
    const name = identifier(value)
    const named = name === undefined ? undefined : this.#scope.variables.get(name)
    if (named !== undefined) return this.#trampolineValue(named, where)
    throw unsupported(where, called === undefined ? value.type : called.callee)
  }

  #bound(called: { callee: string; args: AnyNode[] }, where: string): ImportRef | undefined {
    const options = properties(called.args[1])
    switch (called.callee) {
      case 'contextGet.bind':
        return { kind: 'context-get', slot: Number(literal(options?.get('slot'))) }
      case 'contextSet.bind':
        return { kind: 'context-set', slot: Number(literal(options?.get('slot'))) }
      case 'taskReturn.bind':
        if (options === undefined) throw unreadable(where)
        return this.#taskReturn(options, where)
      case '_lowerImport.bind':
      case '_lowerImportBackwardsCompat.bind':
        if (options === undefined) throw unreadable(where)
        return this.#lowered(options, where)
      default: {
        const builtin = readAsyncBuiltin(called, this.#scope, where)
        if (builtin === undefined) return undefined
        return { kind: 'async', builtin, options: this.#canonOptions(options ?? new Map(), where) }
      }
    }
  }

  #taskReturn(options: Map<string, AnyNode>, where: string): ImportRef {
    const lifts = options.get('liftFns')
    const first = lifts?.type === 'ArrayExpression' ? lifts.elements[0] : undefined
    // The exports of a world have results of different types: result<…> of one kind or the other, and option<u64>.
    const name = { _liftFlatResult: 'handle', _liftFlatOption: 'turn' }[call(first)?.callee ?? '']
    if (name === undefined) throw unsupported(where, 'an asynchronous export other than handle')
    const lift = this.#scope.text(first)
    const isLoad = name === 'handle' && this.#entry === 'http-0.3' && isFlatResult(lift)
    if (name === 'handle' && this.#entry !== 'http-0.3') assertFlatResult(lift)
    if (name === 'handle' && this.#entry === 'http-0.3' && !isLoad) assertFlatResponse(lift)
    return { kind: 'task-return', export: isLoad ? 'load' : name, options: this.#canonOptions(options, where) }
  }

  #lowered(options: Map<string, AnyNode>, where: string): ImportRef {
    const importFn = identifier(options.get('importFn'))
    const source = importFn === undefined ? undefined : this.#scope.variables.get(importFn)
    if (source === undefined) throw unreadable(where)
    const match = ifaceComment.exec(this.#scope.text(source))
    if (match?.[1] === undefined || match[3] === undefined)
      throw new ThawError('Build', `The component imports ${where}, which Thaw does not offer`)
    const [, iface, version = '', func] = match
    this.#imports.set(`${iface}@${version}#${func}`, { iface, version, func })
    const kind = literal(options.get('isAsync')) === true ? 'lower-async' : 'lower'
    return { kind, iface: versioned(iface, version), func, options: this.#canonOptions(options, where) }
  }

  /** The interface that a resource is of: the glue names its versions with its functions only. */
  #ifaceOf(iface: string): string {
    const versions = this.#scope.versionsOf(iface)
    const names = new Set(versions.map((version) => versioned(iface, version)))
    const [only = iface] = names
    if (names.size > 1) throw unsupported(iface, 'a resource imported in two versions that are not compatible')
    return only
  }

  #canonOptions(options: Map<string, AnyNode>, where: string): CanonOptions {
    const encoding = literal(options.get('stringEncoding'))
    if (encoding !== 'utf8' && encoding !== 'utf16' && encoding !== 'latin1+utf16' && encoding !== undefined)
      throw unsupported(where, `string encoding ${String(encoding)}`)
    return {
      memory: slotIn(options.get('getMemoryFn'), 'memory'),
      realloc: slotIn(options.get('getReallocFn'), 'realloc'),
      encoding: encoding ?? 'utf8',
    }
  }
}

/** As the plan names it: the two generations of WASI have interfaces of the same names and nothing else in common. */
function versioned(iface: string, version: string): string {
  return /^0\.3\.\d/.test(version) ? `${iface}@0.3` : iface
}

/**
 * What may suspend in the glue: new WebAssembly.Suspending(f), _suspendingImport(component, f), and the two-way forms
 * whose last argument is the one that may. Which of ours suspend, the host knows.
 */
function suspendable(node: AnyNode): AnyNode | undefined {
  if (node.type === 'NewExpression' && member(node.callee)?.property === 'Suspending') return node.arguments[0]
  const called = call(node)
  if (called?.callee === '_suspendingImport') return called.args[1]
  if (called?.callee === '_conditionalSuspending2I32ToI32') return called.args[1]
  if (called?.callee === '_conditionalSuspending1I32ToI32') return called.args[0]
  return undefined
}

/** new Uint8Array(memory1.buffer, …) → 1 */
function memorySlot(node: AnyNode | undefined): number | undefined {
  if (node?.type !== 'NewExpression' || identifier(node.callee) !== 'Uint8Array') return undefined
  const match = /^memory(\d+)$/.exec(member(node.arguments[0])?.object ?? '')
  return match === null ? undefined : Number(match[1])
}
