/** Lambda's events, as AWS's services send them, through a typed AssemblyScript handler in Thaw, unchanged. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { assemblyscriptComponent } from '../support/build-cache.ts'
import { payloadText, testRuntime } from '../support/runtime.ts'

const folder = join(import.meta.dirname, '..', '..', '..', 'shared', 'lambda', 'events')

/** Every value is read by its kind and built anew. */
const rebuild = `
  import { Json } from "thaw"
  function again(value: Json): Json {
    if (value.isString) return Json.from(value.asString())
    if (value.isNumber) return Json.from(value.asNumber())
    if (value.isBoolean) return Json.from(value.asBoolean())
    if (value.isArray) {
      const array = Json.array()
      for (let index = 0; index < value.length; index++) array.push(again(value.at(index)))
      return array
    }
    if (!value.isObject) return Json.null()
    const object = Json.object()
    for (let index = 0; index < value.length; index++) object.set(value.keys[index], again(value.get(value.keys[index])))
    return object
  }
  export function handler(event: Json): Json { return again(event) }
`

it.skipIf(!existsSync(folder) && process.env.CI !== 'true')('all 68 events come back as they went in', async () => {
  await using runtime = await testRuntime()
  const passOn = 'import { Json } from "thaw"\nexport function handler(event: Json): Json { return event }'
  const specs = [
    await runtime.deploy(await assemblyscriptComponent(rebuild)),
    await runtime.deploy(await assemblyscriptComponent(passOn)),
  ]
  const names = readdirSync(folder).filter((name) => name.endsWith('.json'))
  expect(names).toHaveLength(68)
  for (const name of names) {
    const text = readFileSync(join(folder, name), 'utf8')
    for (const spec of specs) {
      const answer = payloadText(await runtime.invoke(spec, text))
      expect({ name, event: JSON.parse(answer) }).toEqual({ name, event: JSON.parse(text) })
    }
  }
  expect(runtime.impurities).toEqual([])
})
