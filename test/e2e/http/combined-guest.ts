/** Many guests of wasi:http 0.2 in WebAssembly text as one component: to deploy each would take a second of a processor. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { watHttpComponent } from '../../support/http-guests.ts'

const folder = join(import.meta.dirname, '..', '..', 'fixtures', 'http', 'wat', '0.2')

export function combinedGuest(names: readonly string[]): Promise<Uint8Array> {
  return watHttpComponent('0.2', combined(names))
}

/** Where the one that is called `name` answers. */
export function pathIn(names: readonly string[], name: string): string {
  const at = names.indexOf(name)
  if (at === -1) throw new Error(`${name} is not among the guests`)
  return `/${String(at).padStart(2, '0')}`
}

const handle = '(export "wasi:http/incoming-handler@0.2.0#handle") (param $request i32) (param $outparam i32)'

/** Guests as one, each at `/<two digits>`: with its functions under names of its own, and its data put in place first. */
function combined(names: readonly string[]): string {
  const texts: string[] = []
  const cases: string[] = []
  for (const [at, name] of names.entries()) {
    const source = readFileSync(join(folder, `${name}.wat`), 'utf8')
    const places: string[] = []
    let text = source.replaceAll(/\(data \(i32\.const (\d+)\)/g, (_data, to: string) => {
      const from = 8192 + 256 * at + 64 * places.length
      places.push(`(memory.copy (i32.const ${to}) (i32.const ${from}) (i32.const 64))`)
      return `(data (i32.const ${from})`
    })
    for (const [, own] of source.matchAll(/\(func \$([\w-]+)/g))
      text = text.replaceAll(`$${own} `, `$guest${at}-${own} `)
    texts.push(text.replace(handle, `$guest${at} (param $request i32) (param $outparam i32)`))
    cases.push(
      `(if (i32.eq (local.get $at) (i32.const ${at})) (then ${places.join(' ')}
        (call $guest${at} (local.get $request) (local.get $outparam)) (return)))`,
    )
  }
  return `${texts.join('\n')}
    (func ${handle} (local $at i32)
      (call $request.path (local.get $request) (i32.const 0))
      (local.set $at (i32.sub
        (i32.add
          (i32.mul (i32.load8_u offset=1 (i32.load offset=4 (i32.const 0))) (i32.const 10))
          (i32.load8_u offset=2 (i32.load offset=4 (i32.const 0))))
        (i32.const 528)))
      ${cases.join('\n')}
      (unreachable))`
}
