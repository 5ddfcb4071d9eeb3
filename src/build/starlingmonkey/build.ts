/** `nodejs22.x`, `nodejs24.x` in StarlingMonkey: for code that needs the web platform as a browser's engine has it. */
import { bundleRequest, type JavaScriptPackage } from '../languages/javascript.ts'
import type { BuiltComponent } from '../languages/language.ts'
import { bundleForStarlingMonkey } from './bundle.ts'
import { componentize } from './componentize.ts'

/** Errors: `Build`, with the reason as the function's owner needs it. */
export async function buildInStarlingMonkey(source: JavaScriptPackage): Promise<BuiltComponent> {
  const { code, style } = await bundleForStarlingMonkey(await bundleRequest(source))
  const { component, initMs } = await componentize(code, style, source.workFolder)
  return { component, initMs, warnings: [] }
}
