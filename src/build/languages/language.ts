/** What every language does: from the files of a package to a component. */
import type { Limits } from '../../config.ts'
import type { LayerFiles } from '../layers.ts'

export interface SourcePackage {
  /** The package's files by path; lent. */
  files: ReadonlyMap<string, Uint8Array>
  /** What Lambda shows as `/opt`, below the package; lent. */
  layers?: LayerFiles
  handler: string
  /** An empty folder of this build's own; whatever is left in it is removed with it. */
  workFolder: string
  limits: Limits
}

export interface BuiltComponent {
  component: Uint8Array
  /** What came beside it and the function finds below /var/task; by path, lent. */
  files?: ReadonlyMap<string, Uint8Array>
  /** Time that init took while the component was made, ms; 0 where init runs at capture only. */
  initMs: number
  /** For the function's owner. */
  warnings: string[]
}
