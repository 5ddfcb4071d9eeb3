/** Recursion and runtime management configs. */
import { z } from 'zod'
import { functionArn } from '../../functions/names.ts'
import type { RecursionSettings } from '../../functions/settings/recursion.ts'
import type { RuntimeManagement, RuntimeManagementSettings } from '../../functions/settings/runtime-management.ts'
import type { FunctionRef } from '../../functions/names.ts'
import type { Handler, Handlers } from '../context.ts'
import { optional, parseRequest, text, word } from '../members.ts'
import { readJson, type RefOf } from '../request-parts.ts'

const recursionSchema = z.object({ RecursiveLoop: word(['Allow', 'Terminate']) })
const runtimeSchema = z.object({
  UpdateRuntimeOn: word(['Auto', 'Manual', 'FunctionUpdate']),
  RuntimeVersionArn: optional(
    text({
      minLength: 26,
      maxLength: 2_048,
      pattern: 'arn:(aws[a-zA-Z-]*):lambda:[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}::runtime:.+',
    }),
  ),
})

export interface RuntimeHandlersOptions {
  recursion: RecursionSettings
  runtimeManagement: RuntimeManagementSettings
  refOf: RefOf
  region: string
}

export function createRuntimeHandlers({
  recursion,
  runtimeManagement,
  refOf,
  region,
}: RuntimeHandlersOptions): Handlers {
  const presentRuntime = (ref: FunctionRef, config: RuntimeManagement) => ({
    UpdateRuntimeOn: config.updateRuntimeOn,
    FunctionArn: functionArn({ accountId: ref.accountId, region }, ref.functionName, ref.explicitQualifier),
    RuntimeVersionArn: config.runtimeVersionArn,
  })

  return new Map<string, Handler>([
    [
      'PutFunctionRecursionConfig',
      async (c) => {
        const ref = await refOf(c, 'PutFunctionRecursionConfig')
        const { RecursiveLoop } = parseRequest(recursionSchema, await readJson(c))
        await recursion.put(ref, RecursiveLoop)
        return c.json({ RecursiveLoop })
      },
    ],
    [
      'GetFunctionRecursionConfig',
      async (c) => c.json({ RecursiveLoop: await recursion.get(await refOf(c, 'GetFunctionRecursionConfig')) }),
    ],
    [
      'PutRuntimeManagementConfig',
      async (c) => {
        const ref = await refOf(c, 'PutRuntimeManagementConfig')
        const request = parseRequest(runtimeSchema, await readJson(c))
        const config = { updateRuntimeOn: request.UpdateRuntimeOn, runtimeVersionArn: request.RuntimeVersionArn }
        await runtimeManagement.put(ref, config)
        return c.json(presentRuntime(ref, config))
      },
    ],
    [
      'GetRuntimeManagementConfig',
      async (c) => {
        const ref = await refOf(c, 'GetRuntimeManagementConfig')
        return c.json(presentRuntime(ref, await runtimeManagement.get(ref)))
      },
    ],
  ])
}
