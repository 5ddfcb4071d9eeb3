/** Takes the place of the compiler's `~lib/bindings/dom` and `~lib/bindings/node`: what console, Date, performance and crypto rest on. */
import { writeLine } from "thaw/log"
import { exit as exitGuest, monotonicNow, randomBytes, wallClockMs } from "thaw/wasi"

/** JSMath is the host's Math: there is none. */
export namespace Math {}

export namespace process {
  export const argv: string[] = []
  export function exit(code: i32): void {
    exitGuest(code)
  }
}

export namespace Date {
  export function now(): f64 {
    return <f64>wallClockMs()
  }
}

export namespace performance {
  export function now(): f64 {
    return <f64>monotonicNow() / 1e6
  }
}

export namespace crypto {
  export function getRandomValues(array: Uint8Array): void {
    array.set(randomBytes(array.length))
  }
  export function getRandomValuesN(n: u32): Uint8Array {
    return randomBytes(n)
  }
}

export namespace console {
  export function assert(condition: bool, message: string): void {
    if (!condition) writeLine("WARN", "Assertion failed: " + message)
  }
  export function log(text: string): void {
    writeLine("INFO", text)
  }
  export function debug(text: string): void {
    writeLine("DEBUG", text)
  }
  export function info(text: string): void {
    writeLine("INFO", text)
  }
  export function warn(text: string): void {
    writeLine("WARN", text)
  }
  export function error(text: string): void {
    writeLine("ERROR", text)
  }
  // @ts-ignore: decorator
  @lazy const labels = new Map<string, f64>()
  export function time(label: string): void {
    labels.set(label, performance.now())
  }
  export function timeLog(label: string): void {
    if (labels.has(label)) log(label + ": " + (performance.now() - labels.get(label)).toString() + "ms")
  }
  export function timeEnd(label: string): void {
    timeLog(label)
    labels.delete(label)
  }
}
