/**
 * The WASI functions behind the SDK, as the canonical ABI lowers them. A function that a program does not reach is not
 * imported: the compiler drops it.
 */

// @ts-ignore: decorator
@external("wasi:cli/environment@0.2.0", "get-environment")
declare function getEnvironment(result: usize): void
// @ts-ignore: decorator
@external("wasi:cli/stdout@0.2.0", "get-stdout")
declare function getStdout(): i32
// @ts-ignore: decorator
@external("wasi:cli/exit@0.2.0", "exit")
declare function wasiExit(isError: i32): void
// @ts-ignore: decorator
@external("wasi:io/streams@0.2.0", "[method]output-stream.blocking-write-and-flush")
declare function blockingWriteAndFlush(stream: i32, bytes: usize, length: i32, result: usize): void
// @ts-ignore: decorator
@external("wasi:io/streams@0.2.0", "[resource-drop]output-stream")
declare function dropOutputStream(stream: i32): void
// @ts-ignore: decorator
@external("wasi:clocks/wall-clock@0.2.0", "now")
declare function wallClockNow(result: usize): void
// @ts-ignore: decorator
@external("wasi:clocks/monotonic-clock@0.2.0", "now")
export declare function monotonicNow(): u64
// @ts-ignore: decorator
@external("wasi:random/random@0.2.0", "get-random-u64")
export declare function randomU64(): u64
// @ts-ignore: decorator
@external("wasi:random/random@0.2.0", "get-random-bytes")
declare function getRandomBytes(length: u64, result: usize): void

/** What one blocking-write-and-flush may carry (wasi:io/streams). */
const maxWriteBytes: i32 = 4096
/** Room for the largest result that WASI writes here: a datetime, or a stream error. */
const result: usize = memory.data(16, 8)

/** The stream is dropped again: an invocation leaves no handle. A write that fails loses its text. */
export function writeOut(text: string): void {
  const stream = getStdout()
  const bytes = String.UTF8.encode(text)
  const start = changetype<usize>(bytes)
  for (let at = 0; at < bytes.byteLength; at += maxWriteBytes) {
    blockingWriteAndFlush(stream, start + at, min(bytes.byteLength - at, maxWriteBytes), result)
  }
  dropOutputStream(stream)
}

/** Milliseconds since the Unix epoch. */
export function wallClockMs(): i64 {
  wallClockNow(result)
  return load<i64>(result) * 1000 + load<u32>(result, 8) / 1_000_000
}

/** Owned by the caller: the host wrote them into a buffer from `cabi_realloc`. */
export function randomBytes(length: i32): Uint8Array {
  if (length == 0) return new Uint8Array(0)
  getRandomBytes(length, result)
  return Uint8Array.wrap(changetype<ArrayBuffer>(load<usize>(result)))
}

/** A variable of the function's configuration; null if it is not set. Read it in the handler: init sees none. */
export function environment(name: string): string | null {
  getEnvironment(result)
  const start = load<usize>(result)
  const end = start + 16 * load<usize>(result, 4)
  for (let at = start; at < end; at += 16) {
    if (String.UTF8.decodeUnsafe(load<usize>(at), load<usize>(at, 4)) == name) {
      return String.UTF8.decodeUnsafe(load<usize>(at, 8), load<usize>(at, 12))
    }
  }
  return null
}

export function exit(code: i32): void {
  wasiExit(code == 0 ? 0 : 1)
  unreachable()
}
