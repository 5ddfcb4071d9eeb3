/**
 * Where a place in the bundle comes from, for stack traces. The builder puts the table into the bundle
 * (src/build/languages/trace-map.ts): the module's `file`, the package's `files`, and `lines`, the source map's mappings
 * of each line, each line counted from zero; empty for what is the SDK's own.
 */
let table
/** Where in `lines` each line begins. */
let starts
/** Characters of a line's mappings that are looked at: a place further right is shown as the last one before. */
const maxScanned = 20_000
/** Found before: programs throw at the same places again. */
const known = new Map()

/** Once the bundle's own first statement has run. */
export function takeSourceMap() {
  table = globalThis.__thawSourceMap
  delete globalThis.__thawSourceMap
  starts = lineStarts(table.lines)
}

function lineStarts(lines) {
  const found = [0]
  for (let at = lines.indexOf(';'); at !== -1; at = lines.indexOf(';', at + 1)) found.push(at + 1)
  return Uint32Array.from(found)
}

/** `/var/task/index.mjs:3:7`. What is the runtime's own has no lines. @param {number} line @param {number} column from 1 */
export function originalPlace(file, line, column) {
  // Empty: the builder found it too long.
  if (starts === undefined || table.lines === '' || !file?.endsWith('.mjs')) return `${file}:${line}:${column}`
  // The SDK's own files, beside the function's.
  if (!file.endsWith(`/${table.file}`)) return 'thaw:runtime'
  const key = `${line}:${column}`
  let place = known.get(key)
  if (place === undefined) {
    place = find(line - 1, column - 1)
    known.set(key, place)
  }
  return place
}

function find(line, column) {
  const from = starts[line]
  if (from === undefined || table.lines[from] === ';' || from === table.lines.length) return 'thaw:runtime'
  let at = from
  let generated = 0
  let [file, originalLine, originalColumn] = [0, 0, 0]
  let found
  while (at < table.lines.length && table.lines[at] !== ';' && at < from + maxScanned) {
    const fields = []
    while (at < table.lines.length && table.lines[at] !== ',' && table.lines[at] !== ';') {
      const [value, next] = decode(at)
      fields.push(value)
      at = next
    }
    if (table.lines[at] === ',') at++
    generated += fields[0]
    if (generated > column && found !== undefined) break
    file += fields[1]
    originalLine += fields[2]
    originalColumn += fields[3]
    found = `${table.files[file]}:${originalLine + 1}:${originalColumn + 1}`
  }
  return found
}

const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

/** One base64 VLQ number (ECMA-426): its value and where the next begins. */
function decode(at) {
  let value = 0
  let shift = 0
  for (;;) {
    const digit = digits.indexOf(table.lines[at++])
    value |= (digit & 31) << shift
    shift += 5
    if ((digit & 32) === 0) return [value & 1 ? -(value >> 1) : value >> 1, at]
  }
}
