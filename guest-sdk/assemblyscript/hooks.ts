/** What asc's runtime calls (`--use`): the end by `throw`, traces, and the seed of Math.random. */
import { isLive, seedAgain } from "./invocation"
import { writeLine } from "./log"
import { randomU64 } from "./wasi"

/** `throw` and failed assertions end here: AssemblyScript cannot catch. The host reports the trap. */
// @ts-ignore: decorator
@global
function thaw_abort(message: string | null, file: string | null, line: u32, column: u32): void {
  const what = message === null ? "abort" : message
  const where = file === null ? "" : file
  writeLine("ERROR", what + " (" + where + ":" + line.toString() + ":" + column.toString() + ")")
  unreachable()
}

// @ts-ignore: decorator
@global
function thaw_trace(message: string, n: i32 = 0, a0: f64 = 0, a1: f64 = 0, a2: f64 = 0, a3: f64 = 0, a4: f64 = 0): void {
  let line = message
  if (n > 0) line += " " + a0.toString()
  if (n > 1) line += " " + a1.toString()
  if (n > 2) line += " " + a2.toString()
  if (n > 3) line += " " + a3.toString()
  if (n > 4) line += " " + a4.toString()
  writeLine("TRACE", line)
}

/** Math.random's seed, drawn when it is first used. One that init drew is in the snapshot: each invocation draws another. */
// @ts-ignore: decorator
@global
function thaw_seed(): f64 {
  if (!isLive()) seedAgain((): void => Math.seedRandom(<i64>randomU64()))
  return reinterpret<f64>(randomU64())
}
