/** Code signing: there is none, and the operations say so. What no function has can still be read. */
import type { Functions } from '../functions/functions.ts'
import { latest } from '../store/records.ts'
import type { Access, Handler, Handlers } from './context.ts'
import { createRefOf } from './request-parts.ts'
import { refusing } from './unsupported-operations.ts'

export interface CodeSigningHandlersOptions {
  functions: Pick<Functions, 'get'>
  access: Access
  region: string
}

const refused = [
  'CreateCodeSigningConfig',
  'DeleteCodeSigningConfig',
  'DeleteFunctionCodeSigningConfig',
  'GetCodeSigningConfig',
  'ListCodeSigningConfigs',
  'ListFunctionsByCodeSigningConfig',
  'PutFunctionCodeSigningConfig',
  'UpdateCodeSigningConfig',
]

export function createCodeSigningHandlers({ functions, access, region }: CodeSigningHandlersOptions): Handlers {
  const refOf = createRefOf(access, region)
  const message =
    'Code signing is not supported by Thaw: packages are known by their SHA-256 (CodeSha256), and no publisher is checked.'
  const read: Handler = async (c) => {
    const ref = await refOf(c, 'GetFunctionCodeSigningConfig')
    await functions.get({ ...ref, qualifier: latest, explicitQualifier: undefined })
    return c.json({ FunctionName: ref.functionName })
  }
  return new Map([...refusing(refused, message), ['GetFunctionCodeSigningConfig', read]])
}
