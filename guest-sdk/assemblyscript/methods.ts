/** The cases of wasi:http's `method` that have no name of their own in it. */

// @ts-ignore: decorator
@lazy
const names: StaticArray<string> = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"]

/** The number of the case; that of `other` for any other. */
export function methodCase(name: string): i32 {
  for (let index = 0; index < names.length; index++) if (names[index] == name) return index
  return names.length
}

/** Of a `method` in memory. */
export function methodAt(at: usize): string {
  const index = load<u8>(at)
  if (<i32>index < names.length) return names[index]
  return String.UTF8.decodeUnsafe(load<usize>(at, 4), load<usize>(at, 8))
}
