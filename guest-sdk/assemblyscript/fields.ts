/** Headers to and from wasi:http's `fields`. Values are byte strings there: each character is one byte, as in fetch. */
import { Headers } from "./headers"
import { appendField, dropFields, fieldEntries, newFields } from "./http-imports"

const result: usize = memory.data(8, 4)
const forbidden: u8 = 1

/** Takes the fields. */
export function headersOf(fields: i32, headers: Headers): void {
  fieldEntries(fields, result)
  dropFields(fields)
  const start = load<usize>(result)
  const end = start + 16 * load<usize>(result, 4)
  for (let at = start; at < end; at += 16) {
    const name = String.UTF8.decodeUnsafe(load<usize>(at), load<usize>(at, 4))
    headers.append(name, fromBytes(load<usize>(at, 8), load<i32>(at, 12)))
  }
}

/** The fields; -1 if a header is none, with its name in `refused`. */
export function fieldsOf(headers: Headers): i32 {
  const fields = newFields()
  const names = headers.names
  for (let index = 0; index < names.length; index++) {
    if (!append(fields, names[index], headers.get(names[index])!)) return refuse(fields, names[index])
  }
  const cookies = headers.setCookies
  for (let index = 0; index < cookies.length; index++) {
    if (!append(fields, "set-cookie", cookies[index])) return refuse(fields, "set-cookie")
  }
  return fields
}

export let refused: string = ""

function refuse(fields: i32, name: string): i32 {
  dropFields(fields)
  refused = name
  return -1
}

/** Fields that belong to a connection are the host's to write: they are left out, so that headers can be passed on. */
function append(fields: i32, name: string, value: string): bool {
  const bytes = toBytes(value)
  if (bytes === null) return false
  const key = String.UTF8.encode(name)
  appendField(fields, changetype<usize>(key), key.byteLength, changetype<usize>(bytes), bytes.byteLength, result)
  return load<u8>(result) == 0 || load<u8>(result, 1) == forbidden
}

function fromBytes(at: usize, length: i32): string {
  const text = changetype<string>(__new((<usize>length) << 1, idof<string>()))
  for (let index: usize = 0; index < <usize>length; index++) {
    store<u16>(changetype<usize>(text) + (index << 1), load<u8>(at + index))
  }
  return text
}

function toBytes(text: string): ArrayBuffer | null {
  const bytes = new ArrayBuffer(text.length)
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (code > 0xff) return null
    store<u8>(changetype<usize>(bytes) + index, <u8>code)
  }
  return bytes
}
