/** A controller that builds an upload and tells its own parent the builder's process id. Arguments: folder, upload. */
import { createBuilder } from '../../../src/build/builder.ts'
import { limitsSchema } from '../../../src/config.ts'

const [, , folder = '', codePath = ''] = process.argv
const builder = createBuilder({
  artifactsDir: folder,
  tempDir: `${folder}-temp`,
  limits: limitsSchema.parse({}),
  onChild: (pid) => process.send?.(pid),
})
await builder.build({ runtime: 'provided.component', handler: 'index.handler', codePath })
