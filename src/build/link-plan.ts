/**
 * Reads from jco's glue how the core modules of a component are wired, and nothing else. The forms are those of the
 * pinned jco version; whatever is not one of them is an error that names it, so that a component is refused at deploy
 * and never linked by a guess.
 */
import { parse, type AnyNode } from 'acorn'
import { ThawError } from '../errors.ts'
import type { CanonOptions, EnginePlan, HandleLift, ImportRef } from '../instance/plan.ts'
import { assertArguments, assertFlatResult, assertResult } from './handle-types.ts'
import { call, identifier, literal, member, properties, walk } from './syntax.ts'

export interface LinkPlan {
  /** Core modules in the order the plan's `module` counts them, by the glue's file names. */
  moduleFiles: string[]
  plan: EnginePlan
  /** Every host function and resource that is imported, with the version the component names. */
  imports: { iface: string; version: string; func: string }[]
}

/** Errors: `Build`, naming the form or the part of the component model that cannot be linked. */
export function readLinkPlan(glue: string): LinkPlan {
  return new GlueReader(glue).read()
}

/** `realloc1Async` and `realloc1` are one. */
const slotName = /^(memory|realloc|postReturn)(\d+)(?:Async)?$/
const ifaceComment = /\[iface="([^"@]+)(?:@([^"]+))?", function="([^"]+)"\]/

class GlueReader {
  readonly #glue: string
  readonly #moduleFiles: string[] = []
  /** Where each `exportsN` comes from. */
  readonly #steps: EnginePlan['steps'] = []
  readonly #stepOf = new Map<string, number>()
  /** Function declarations, and the initialisers of variables, by name. */
  readonly #functions = new Map<string, AnyNode>()
  readonly #variables = new Map<string, AnyNode>()
  /** `memory0 = exports3.memory` and the like: the last assignment of a core export to a name. */
  readonly #assigned = new Map<string, { step: number; name: string }>()
  /** `OutputStream` → wasi:io/streams, output-stream. */
  readonly #classes = new Map<string, { iface: string; resource: string }>()
  readonly #imports = new Map<string, { iface: string; version: string; func: string }>()
  readonly #exports: Record<string, HandleLift> = {}
  #memories: EnginePlan['memories'] = []
  #reallocs: EnginePlan['reallocs'] = []

  constructor(glue: string) {
    this.#glue = glue
  }

  read(): LinkPlan {
    const program = parse(this.#glue, { ecmaVersion: 'latest', sourceType: 'module' })
    const instantiations: { target: string; module: string; imports: AnyNode | undefined }[] = []
    const returned: AnyNode[] = []
    walk(program, (node) => {
      if (node.type === 'FunctionDeclaration' && node.id !== null) this.#functions.set(node.id.name, node)
      if (node.type === 'VariableDeclarator') this.#declare(node)
      if (node.type === 'AssignmentExpression') {
        const step = readInstantiation(node)
        if (step !== undefined) instantiations.push(step)
      }
      if (node.type === 'ReturnStatement' && node.argument?.type === 'ObjectExpression') returned.push(node.argument)
    })
    for (const { target, module, imports } of instantiations) {
      this.#stepOf.set(target, this.#steps.length)
      this.#steps.push({ module: this.#moduleIndex(module), imports: {} })
      this.#pendingImports.push(imports)
    }
    // Assignments refer to steps, and imports to assignments: so in this order.
    walk(program, (node) => {
      if (node.type === 'AssignmentExpression') this.#assign(node)
    })
    this.#memories = this.#slots('memory')
    this.#reallocs = this.#slots('realloc')
    for (const [index, imports] of this.#pendingImports.entries()) this.#readImports(index, imports)
    this.#readExports(returned.at(-1))
    return {
      moduleFiles: this.#moduleFiles,
      plan: { steps: this.#steps, memories: this.#memories, reallocs: this.#reallocs, exports: this.#exports },
      imports: [...this.#imports.values()],
    }
  }

  readonly #pendingImports: (AnyNode | undefined)[] = []

  #declare(node: AnyNode): void {
    if (node.type !== 'VariableDeclarator' || node.init === null || node.init === undefined) return
    const name = identifier(node.id)
    if (name !== undefined) {
      this.#variables.set(name, node.init)
      return
    }
    // const { Pollable, poll } = imports['wasi:io/poll']
    const source = member(node.init)
    if (source?.object !== 'imports' || node.id.type !== 'ObjectPattern') return
    for (const property of node.id.properties) {
      if (property.type !== 'Property') continue
      const imported = identifier(property.key)
      const local = identifier(property.value)
      if (imported !== undefined && local !== undefined && /^[A-Z]/.test(imported))
        this.#classes.set(local, { iface: source.property, resource: kebab(imported) })
    }
  }

  #moduleIndex(variable: string): number {
    const loaded = call(this.#variables.get(variable))
    const file = loaded?.callee === 'getCoreModule' ? literal(loaded.args[0]) : undefined
    if (typeof file !== 'string') throw unreadable(`core module ${variable}`)
    const known = this.#moduleFiles.indexOf(file)
    if (known !== -1) return known
    return this.#moduleFiles.push(file) - 1
  }

  #assign(node: AnyNode): void {
    if (node.type !== 'AssignmentExpression') return
    const name = identifier(node.left)
    if (name === undefined) return
    const core = this.#coreExport(unwrapped(node.right))
    if (core !== undefined) this.#assigned.set(name, core)
  }

  #coreExport(node: AnyNode): { step: number; name: string } | undefined {
    const path = member(node)
    const step = path === undefined ? undefined : this.#stepOf.get(path.object)
    return path === undefined || step === undefined ? undefined : { step, name: path.property }
  }

  #slots(kind: 'memory' | 'realloc'): { step: number; name: string }[] {
    const found: { step: number; name: string }[] = []
    for (const [name, core] of this.#assigned) {
      const match = slotName.exec(name)
      if (match?.[1] === kind) found[Number(match[2])] = core
    }
    return found
  }

  #readImports(step: number, node: AnyNode | undefined): void {
    if (node === undefined) return
    const namespaces = properties(node)
    if (namespaces === undefined) throw unreadable(`imports of core instance ${step}`)
    const into = this.#steps[step]
    for (const [namespace, values] of namespaces) {
      const entries = properties(values)
      if (entries === undefined) throw unreadable(`imports ${namespace}`)
      const refs: Record<string, ImportRef> = {}
      for (const [name, value] of entries) refs[name] = this.#importRef(value, `${namespace} ${name}`)
      if (into !== undefined) into.imports[namespace] = refs
    }
  }

  #importRef(node: AnyNode, where: string): ImportRef {
    const called = call(node)
    // Object.assign(x, { _jcoMaySuspend: … }) and _guardMayLeave(component, x) wrap what is meant.
    if (called?.callee === 'Object.assign' && called.args[0] !== undefined)
      return this.#importRef(called.args[0], where)
    if (called?.callee === '_guardMayLeave' && called.args[1] !== undefined)
      return this.#importRef(called.args[1], where)
    if (called !== undefined) {
      const bound = this.#bound(called, where)
      if (bound !== undefined) return bound
    }
    const core = this.#coreExport(node)
    if (core !== undefined) return { kind: 'export', ...core }
    const name = identifier(node)
    if (name === undefined) throw unreadable(where)
    const flags = /^instanceFlags(\d+)$/.exec(name)
    if (flags !== null) return { kind: 'instance-flags', instance: Number(flags[1]) }
    const assigned = this.#assigned.get(name)
    if (assigned !== undefined) return { kind: 'export', ...assigned }
    const body = this.#functions.get(name)
    if (body !== undefined) return this.#trampolineFunction(body, where)
    const value = this.#variables.get(name)
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
        const resource = this.#classes.get(identifier(node.object) ?? '')
        if (resource !== undefined) found = { kind: 'drop', ...resource }
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
    const lowered = /\b_trampoline\d+\b/.exec(this.#text(value))?.[0]
    const match = ifaceComment.exec(this.#text(this.#variables.get(lowered ?? '')))
    if (match !== null) throw unsupported(`${match[1]}@${match[2]}#${match[3]}`, 'an import lowered asynchronously')
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
      case '_lowerImportBackwardsCompat.bind':
        if (options === undefined) throw unreadable(where)
        return this.#lowered(options, where)
      default:
        return undefined
    }
  }

  #taskReturn(options: Map<string, AnyNode>, where: string): ImportRef {
    const lifts = options.get('liftFns')
    const first = lifts?.type === 'ArrayExpression' ? lifts.elements[0] : undefined
    // The two exports of the world have results of different types: result<…> and option<u64>.
    const name = { _liftFlatResult: 'handle', _liftFlatOption: 'turn' }[call(first)?.callee ?? '']
    if (name === undefined) throw unsupported(where, 'an asynchronous export other than handle')
    if (name === 'handle') assertFlatResult(this.#text(first))
    return { kind: 'task-return', export: name, options: this.#canonOptions(options, where) }
  }

  #lowered(options: Map<string, AnyNode>, where: string): ImportRef {
    if (literal(options.get('isAsync')) === true) throw unsupported(where, 'an import lowered asynchronously')
    const importFn = identifier(options.get('importFn'))
    const source = importFn === undefined ? undefined : this.#variables.get(importFn)
    if (source === undefined) throw unreadable(where)
    const match = ifaceComment.exec(this.#text(source))
    if (match?.[1] === undefined || match[3] === undefined)
      throw new ThawError('Build', `The component imports ${where}, which Thaw does not offer`)
    const [, iface, version = '', func] = match
    this.#imports.set(`${iface}@${version}#${func}`, { iface, version, func })
    return { kind: 'lower', iface, func, options: this.#canonOptions(options, where) }
  }

  #canonOptions(options: Map<string, AnyNode>, where: string): CanonOptions {
    const encoding = literal(options.get('stringEncoding'))
    if (encoding !== 'utf8' && encoding !== 'utf16' && encoding !== 'latin1+utf16' && encoding !== undefined)
      throw unsupported(where, `string encoding ${String(encoding)}`)
    return {
      memory: this.#slotIn(options.get('getMemoryFn'), 'memory'),
      realloc: this.#slotIn(options.get('getReallocFn'), 'realloc'),
      encoding: encoding ?? 'utf8',
    }
  }

  #text(node: AnyNode | null | undefined): string {
    return node === null || node === undefined ? '' : this.#glue.slice(node.start, node.end)
  }

  /** The first `memoryN` / `reallocN` mentioned in a piece of glue. */
  #slotIn(node: AnyNode | undefined, kind: 'memory' | 'realloc' | 'postReturn'): number | null {
    let slot: number | null = null
    if (node === undefined) return null
    walk(node, (inner) => {
      const match = slotName.exec(identifier(inner) ?? '')
      if (match?.[1] === kind) slot ??= Number(match[2])
    })
    return slot
  }

  #readExports(node: AnyNode | undefined): void {
    const exported = properties(node)
    for (const [name, value] of exported ?? []) {
      const wanted = /^thaw:function\/(?:handler|event-loop)@0\.1\.\d+$/.test(name)
      const object = wanted ? properties(this.#variables.get(identifier(value) ?? '')) : undefined
      for (const [func, local] of object ?? []) this.#exports[func] = this.#lift(func, identifier(local))
    }
    if (this.#exports.handle === undefined)
      throw new ThawError(
        'Build',
        'The component does not export thaw:function/handler@0.1.0: see guest-sdk/wit for the world of a function',
      )
  }

  #lift(func: string, local: string | undefined): HandleLift {
    const body = local === undefined ? undefined : this.#functions.get(local)
    if (body === undefined) throw unreadable(`export ${func}`)
    let core: { step: number; name: string } | undefined
    let callback: { step: number; name: string } | null = null
    let isAsync = false
    walk(body, (node) => {
      if (node.type === 'Property' && identifier(node.key) === 'getCallbackFn') {
        walk(node.value, (inner) => {
          const name = identifier(inner)
          if (name === undefined || !name.startsWith('callback')) return
          callback = this.#assigned.get(name) ?? null
          if (callback === null) throw unreadable(`the callback of export ${func}`)
        })
      }
      const called = call(node)
      if (called?.callee === 'task.setCalleeIsAsync') isAsync = literal(called.args[0]) === true
      // The one call of a core export that is neither an allocator nor a clean-up.
      if (called !== undefined && !slotName.test(called.callee)) core ??= this.#assigned.get(called.callee)
    })
    if (core === undefined) throw unreadable(`export ${func}`)
    const postReturn = this.#slotIn(body, 'postReturn')
    const glue = this.#text(body)
    if (func === 'handle') {
      assertArguments(glue)
      if (!isAsync) assertResult(glue)
    }
    return {
      ...core,
      lift: isAsync ? (callback === null ? 'stackful' : 'callback') : 'sync',
      callback,
      postReturn: postReturn === null ? null : (this.#assigned.get(`postReturn${postReturn}`) ?? null),
      options: {
        memory: this.#slotIn(body, 'memory'),
        realloc: this.#slotIn(body, 'realloc'),
        encoding: glue.includes('_utf16AllocateAndEncode') ? 'utf16' : 'utf8',
      },
    }
  }
}

/** ({ exports: exports3 } = yield instantiateCore(yield module0, {…})) */
function readInstantiation(
  node: AnyNode,
): { target: string; module: string; imports: AnyNode | undefined } | undefined {
  if (node.type !== 'AssignmentExpression' || node.left.type !== 'ObjectPattern') return undefined
  if (node.right.type !== 'YieldExpression') return undefined
  const called = call(node.right.argument)
  if (called?.callee !== 'instantiateCore') return undefined
  const property = node.left.properties[0]
  const target = property?.type === 'Property' ? identifier(property.value) : undefined
  const loaded = called.args[0]
  const module = loaded?.type === 'YieldExpression' ? identifier(loaded.argument) : undefined
  if (target === undefined || module === undefined) throw unreadable('a core instantiation')
  return { target, module, imports: called.args[1] }
}

/** WebAssembly.promising(x), and Object.assign(x, { _jcoMaySuspend: … }), mean x. */
function unwrapped(node: AnyNode): AnyNode {
  const called = call(node)
  const inner = called?.args[0]
  const wraps = called?.callee === 'WebAssembly.promising' || called?.callee === 'Object.assign'
  return wraps && inner !== undefined ? unwrapped(inner) : node
}

/** new Uint8Array(memory1.buffer, …) → 1 */
function memorySlot(node: AnyNode | undefined): number | undefined {
  if (node?.type !== 'NewExpression' || identifier(node.callee) !== 'Uint8Array') return undefined
  const match = /^memory(\d+)$/.exec(member(node.arguments[0])?.object ?? '')
  return match === null ? undefined : Number(match[1])
}

function kebab(pascal: string): string {
  return pascal.replaceAll(/(?<!^)[A-Z]/g, (letter) => `-${letter}`).toLowerCase()
}

function unreadable(what: string): ThawError {
  return new ThawError('Build', `The component's wiring could not be read at: ${what}`)
}

function unsupported(where: string, what: string): ThawError {
  return new ThawError(
    'Build',
    `The component uses a part of the component model that Thaw cannot link: ${what} (at ${where})`,
  )
}
