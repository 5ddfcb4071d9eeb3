/**
 * The only place that knows jco. It flattens a component (nested components, adapters between them, aliases) into core
 * modules and JavaScript glue. Thaw keeps the modules and takes from the glue only how they are wired (`link-plan.ts`):
 * the glue itself costs 300 KiB of heap an instance and some 40 us a call, and its tables are not bounded.
 * Runs in the builder process only: some inputs poison jco's own instance (FACTS.md).
 */
import { ThawError } from '../errors.ts'

export interface Transpiled {
  /** JavaScript source of the glue. */
  glue: string
  /** Core modules by the name the glue calls them. */
  modules: Map<string, Uint8Array>
  /** TypeScript declarations of the exported and imported interfaces, by file name. */
  declarations: Map<string, string>
}

/** Lifted as their WIT says; jco asks to be told all the same. */
const asyncExports = [
  'thaw:function/handler@0.1.0#handle',
  'thaw:function/event-loop@0.1.0#turn',
  'wasi:http/handler@0.3.0#handle',
  ...Array.from({ length: 13 }, (_, patch) => `wasi:http/incoming-handler@0.2.${patch}#handle`),
]

/** Errors: `Build`, with jco's reason. */
export async function transpile(component: Uint8Array): Promise<Transpiled> {
  let files: Record<string, Uint8Array>
  try {
    // Loaded here: a build of JavaScript does without, and a builder's process lives for one build.
    const { transpileBytes } = await import('@bytecodealliance/jco-transpile')
    const result = await transpileBytes(component, {
      name: 'fn',
      instantiation: 'async',
      asyncMode: 'jspi',
      asyncExports,
      // Real multi-memory instead of stores through JavaScript in the adapters between components.
      multiMemory: true,
      nodejsCompat: false,
      wasiShim: false,
      base64Cutoff: 0,
    })
    files = result.files
  } catch (cause) {
    throw new ThawError('Build', `The component could not be read: ${reasonOf(cause)}`, { cause })
  }
  const modules = new Map<string, Uint8Array>()
  const declarations = new Map<string, string>()
  const decoder = new TextDecoder()
  for (const [name, bytes] of Object.entries(files)) {
    if (name.endsWith('.wasm')) modules.set(name, bytes)
    if (name.endsWith('.d.ts')) declarations.set(name, decoder.decode(bytes))
  }
  const glue = files['fn.js']
  if (glue === undefined) throw new ThawError('Build', 'The component could not be read: it transpiled to nothing')
  return { glue: decoder.decode(glue), modules, declarations }
}

/** jco's errors carry many lines; the first says what is wrong, the rest where. */
function reasonOf(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause)
  return text.split('\n').slice(0, 4).join('; ').slice(0, 500)
}
