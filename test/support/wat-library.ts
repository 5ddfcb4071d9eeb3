/**
 * WebAssembly text from a guest and a library: the module has, of the library's forms, those that the guest mentions and
 * those that they mention in turn. So a guest imports nothing that it does not use.
 */

/** Both are fields of a module, each form with its `$name` first or in its `(func $name …`. */
export function linkWat(guest: string, library: string): string {
  const forms = formsOf(library)
  const mine = formsOf(guest)
  const byName = new Map(forms.flatMap((form) => (nameOf(form) === undefined ? [] : [[nameOf(form), form] as const])))
  for (const form of mine) byName.delete(nameOf(form))
  const used = new Set<string>(forms.filter((form) => /^\((memory|func \$cabi_realloc)\b/.test(form)))
  const pending = [...mine, ...used]
  for (let form = pending.pop(); form !== undefined; form = pending.pop()) {
    for (const [name] of form.matchAll(/\$[\w.-]+/g)) {
      const mentioned = byName.get(name)
      if (mentioned === undefined || used.has(mentioned)) continue
      used.add(mentioned)
      pending.push(mentioned)
    }
  }
  // Imports come first in a module; the library's order otherwise.
  const linked = [...forms.filter((form) => used.has(form)), ...mine]
  const isImport = (form: string) => form.startsWith('(import')
  return `(module\n${[...linked.filter(isImport), ...linked.filter((form) => !isImport(form))].join('\n')}\n)`
}

/** The forms at the top, without comments. */
function formsOf(text: string): string[] {
  const code = text.replaceAll(/;;.*$/gm, '')
  const forms: string[] = []
  let [depth, start, quoted] = [0, 0, false]
  for (let at = 0; at < code.length; at++) {
    const char = code[at]
    if (char === '"' && code[at - 1] !== '\\') quoted = !quoted
    if (quoted) continue
    if (char === '(' && depth++ === 0) start = at
    if (char === ')' && --depth === 0) forms.push(code.slice(start, at + 1))
  }
  return forms
}

function nameOf(form: string): string | undefined {
  const pattern = form.startsWith('(import') ? /\(func (\$[\w.-]+)/ : /^\(\w+ (\$[\w.-]+)/
  return pattern.exec(form)?.[1]
}
