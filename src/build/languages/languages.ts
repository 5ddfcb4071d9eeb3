/** From a package to a component, by runtime. */
import { ThawError } from '../../errors.ts'
import type { Runtime } from '../../store/records.ts'
import { inspectBinary } from '../binary.ts'
import { engineOf } from '../engine-choice.ts'
import type { Package } from '../package.ts'
import { buildJavaScript } from './javascript.ts'
import type { BuiltComponent, SourcePackage } from './language.ts'

export interface LanguageRequest extends Omit<SourcePackage, 'files'> {
  runtime: Runtime
  opened: Package
}

/** Errors: `InvalidParameterValue` if the package is not what the runtime takes, else `Build`. */
export async function buildComponent({ runtime, opened, ...rest }: LanguageRequest): Promise<BuiltComponent> {
  if (opened.kind === 'component' && (rest.layers?.size ?? 0) > 0) {
    throw refusal('Layers cannot be merged into a component: it is whole')
  }
  if (runtime === 'provided.component') {
    return asItIs(opened, 'provided.component takes one component, raw or as the only .wasm file of a zip')
  }
  if (runtime === 'assemblyscript') {
    const hasSource = opened.kind === 'files' && [...opened.files.keys()].some((path) => path.endsWith('.ts'))
    if (hasSource) {
      // The compiler takes half a second to load, which a build of JavaScript need not wait for.
      const { buildAssemblyScript } = await import('./assemblyscript.ts')
      return buildAssemblyScript({ ...rest, files: opened.files })
    }
    return asItIs(opened, 'assemblyscript takes a zip with .ts files, or one component')
  }
  if (opened.kind === 'files') {
    const nodeMajor = /^nodejs(\d+)\.x$/.exec(runtime)?.[1] ?? ''
    const source = { ...rest, files: opened.files, nodeMajor }
    if (engineOf(opened) === 'quickjs') return buildJavaScript(source)
    // As the compiler above: most builds do without.
    const { buildInStarlingMonkey } = await import('../starlingmonkey/build.ts')
    return buildInStarlingMonkey(source)
  }
  throw refusal(`Runtime ${runtime} takes a zip of JavaScript or TypeScript, not a component`)
}

function asItIs(opened: Package, rule: string): BuiltComponent {
  if (opened.kind === 'component') return { component: opened.bytes, initMs: 0, warnings: [] }
  const found = [...opened.files].filter(([path]) => path.endsWith('.wasm'))
  const [first] = found
  if (first === undefined || found.length > 1) {
    throw refusal(`Runtime ${rule}: the zip has ${found.length} .wasm files`)
  }
  const [path, component] = first
  const binary = inspectBinary(component)
  if (binary.kind === 'component') return { component, files: filesBeside(opened.files, path), initMs: 0, warnings: [] }
  throw refusal(`The file ${path} is ${binary.kind === 'other' ? 'not WebAssembly' : binary.reason}`)
}

/** The component is code: what is found below /var/task is the rest. */
const filesBeside = (files: ReadonlyMap<string, Uint8Array>, component: string) =>
  new Map([...files].filter(([path]) => path !== component))

const refusal = (message: string) => new ThawError('InvalidParameterValue', message)
