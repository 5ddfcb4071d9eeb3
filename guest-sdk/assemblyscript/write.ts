import { OutgoingBody } from "./outgoing-body"

/** Text or bytes. */
export function writeTo<T>(body: OutgoingBody, data: T): bool {
  if (isString<T>()) {
    const bytes = String.UTF8.encode(changetype<string>(data))
    return body.write(changetype<usize>(bytes), bytes.byteLength)
  }
  if (isReference<T>()) {
    if (idof<T>() == idof<Uint8Array>()) {
      const bytes = changetype<Uint8Array>(data)
      return body.write(bytes.dataStart, bytes.byteLength)
    }
  }
  ERROR("A body is written as string or Uint8Array")
}
