/**
 * Reads from jco's glue how the core modules of a component are wired, and nothing else. The forms are those of the
 * pinned jco version; whatever is not one of them is an error that names it, so that a component is refused at deploy
 * and never linked by a guess.
 */
import { parse, type AnyNode } from 'acorn'
import type { EnginePlan, EntryKind, HandleLift, ImportRef } from '../instance/plan.ts'
import { GlueScope, slotIn, slotName, unreadable, type CoreExport } from './glue-scope.ts'
import { assertArguments, assertRequest, assertResult } from './handle-types.ts'
import { ImportReader, type HostImport } from './link-imports.ts'
import { call, identifier, literal, member, properties, walk } from './syntax.ts'

export interface LinkPlan {
  /** Core modules in the order the plan's `module` counts them, by the glue's file names. */
  moduleFiles: string[]
  plan: EnginePlan
  /** Every host function and resource that is imported, with the version the component names. */
  imports: HostImport[]
}

/** Of which interfaces the functions are called. */
const exportNames: Record<EntryKind, RegExp> = {
  event: /^thaw:function\/(?:handler|event-loop)@0\.1\.\d+$/,
  'http-0.2': /^wasi:http\/incoming-handler@0\.2\.\d+$/,
  'http-0.3': /^(?:wasi:http\/handler@0\.3|thaw:function\/loader@0\.1)\.\d+$/,
}

/** Errors: `Build`, naming the form or the part of the component model that cannot be linked. */
export function readLinkPlan(glue: string, entry: EntryKind = 'event'): LinkPlan {
  return new GlueReader(glue, entry).read()
}

class GlueReader {
  readonly #glue: string
  readonly #entry: EntryKind
  readonly #scope: GlueScope
  readonly #importReader: ImportReader
  readonly #moduleFiles: string[] = []
  readonly #steps: EnginePlan['steps'] = []
  readonly #pendingImports: (AnyNode | undefined)[] = []
  readonly #exports: Record<string, HandleLift> = {}

  constructor(glue: string, entry: EntryKind) {
    this.#glue = glue
    this.#entry = entry
    this.#scope = new GlueScope(glue)
    this.#importReader = new ImportReader(this.#scope, entry)
  }

  read(): LinkPlan {
    const program = parse(this.#glue, { ecmaVersion: 'latest', sourceType: 'module' })
    const instantiations: { target: string; module: string; imports: AnyNode | undefined }[] = []
    const returned: AnyNode[] = []
    walk(program, (node) => {
      if (node.type === 'FunctionDeclaration' && node.id !== null) this.#scope.functions.set(node.id.name, node)
      if (node.type === 'VariableDeclarator') this.#declare(node)
      if (node.type === 'ObjectExpression') this.#future(node)
      if (node.type === 'AssignmentExpression') {
        const step = readInstantiation(node)
        if (step !== undefined) instantiations.push(step)
      }
      if (node.type === 'ReturnStatement' && node.argument?.type === 'ObjectExpression') returned.push(node.argument)
    })
    for (const { target, module, imports } of instantiations) {
      this.#scope.stepOf.set(target, this.#steps.length)
      this.#steps.push({ module: this.#moduleIndex(module), imports: {} })
      this.#pendingImports.push(imports)
    }
    // Assignments refer to steps, and imports to assignments: so in this order.
    walk(program, (node) => {
      if (node.type === 'AssignmentExpression') this.#assign(node)
    })
    for (const [index, imports] of this.#pendingImports.entries()) this.#readImports(index, imports)
    this.#readExports(returned.at(-1))
    return {
      moduleFiles: this.#moduleFiles,
      plan: {
        ...(this.#entry !== 'event' && { entry: this.#entry }),
        steps: this.#steps,
        memories: this.#slots('memory'),
        reallocs: this.#slots('realloc'),
        exports: this.#exports,
      },
      imports: this.#importReader.hostImports,
    }
  }

  #declare(node: AnyNode): void {
    if (node.type !== 'VariableDeclarator' || node.init === null || node.init === undefined) return
    const name = identifier(node.id)
    if (name !== undefined) {
      this.#scope.variables.set(name, node.init)
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
        this.#scope.classes.set(local, { iface: source.property, resource: kebab(imported) })
    }
  }

  /** { futureTableIdx: 2, …, elemMeta: {…} } */
  #future(node: AnyNode): void {
    const members = properties(node)
    const table = literal(members?.get('futureTableIdx'))
    const element = members?.get('elemMeta')
    if (typeof table === 'number' && element !== undefined) this.#scope.futures.set(table, element)
  }

  #moduleIndex(variable: string): number {
    const loaded = call(this.#scope.variables.get(variable))
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
    const core = this.#scope.coreExport(unwrapped(node.right))
    if (core !== undefined) this.#scope.assigned.set(name, core)
  }

  #slots(kind: 'memory' | 'realloc'): CoreExport[] {
    const found: CoreExport[] = []
    for (const [name, core] of this.#scope.assigned) {
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
      for (const [name, value] of entries) refs[name] = this.#importReader.read(value, `${namespace} ${name}`)
      if (into !== undefined) into.imports[namespace] = refs
    }
  }

  #readExports(node: AnyNode | undefined): void {
    const exported = properties(node)
    for (const [name, value] of exported ?? []) {
      const wanted = exportNames[this.#entry].test(name)
      const object = wanted ? properties(this.#scope.variables.get(identifier(value) ?? '')) : undefined
      for (const [func, local] of object ?? []) this.#exports[func] = this.#lift(func, identifier(local))
    }
    // world.ts has seen it.
    if (this.#exports.handle === undefined) throw unreadable('the export handle')
  }

  #lift(func: string, local: string | undefined): HandleLift {
    const body = local === undefined ? undefined : this.#scope.functions.get(local)
    if (body === undefined) throw unreadable(`export ${func}`)
    let core: CoreExport | undefined
    let callback: CoreExport | null = null
    let isAsync = false
    walk(body, (node) => {
      if (node.type === 'Property' && identifier(node.key) === 'getCallbackFn') {
        walk(node.value, (inner) => {
          const name = identifier(inner)
          if (name === undefined || !name.startsWith('callback')) return
          callback = this.#scope.assigned.get(name) ?? null
          if (callback === null) throw unreadable(`the callback of export ${func}`)
        })
      }
      const called = call(node)
      if (called?.callee === 'task.setCalleeIsAsync') isAsync = literal(called.args[0]) === true
      // The one call of a core export that is neither an allocator nor a clean-up.
      if (called !== undefined && !slotName.test(called.callee)) core ??= this.#scope.assigned.get(called.callee)
    })
    if (core === undefined) throw unreadable(`export ${func}`)
    const postReturn = slotIn(body, 'postReturn')
    const glue = this.#scope.text(body)
    if (func === 'handle' && this.#entry === 'event') {
      assertArguments(glue)
      if (!isAsync) assertResult(glue)
    }
    if (func === 'handle' && this.#entry !== 'event') assertRequest(glue, this.#entry)
    return {
      ...core,
      lift: isAsync ? (callback === null ? 'stackful' : 'callback') : 'sync',
      callback,
      postReturn: postReturn === null ? null : (this.#scope.assigned.get(`postReturn${postReturn}`) ?? null),
      options: {
        memory: slotIn(body, 'memory'),
        realloc: slotIn(body, 'realloc'),
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
  const imports = called.args[1]
  // A module that may call asynchronous imports as it starts: (_setGlobalCurrentTaskMeta(…), {…})
  return { target, module, imports: imports?.type === 'SequenceExpression' ? imports.expressions.at(-1) : imports }
}

/** WebAssembly.promising(x), and Object.assign(x, { _jcoMaySuspend: … }), mean x. */
function unwrapped(node: AnyNode): AnyNode {
  const called = call(node)
  const inner = called?.args[0]
  const wraps = called?.callee === 'WebAssembly.promising' || called?.callee === 'Object.assign'
  return wraps && inner !== undefined ? unwrapped(inner) : node
}

function kebab(pascal: string): string {
  return pascal.replaceAll(/(?<!^)[A-Z]/g, (letter) => `-${letter}`).toLowerCase()
}
