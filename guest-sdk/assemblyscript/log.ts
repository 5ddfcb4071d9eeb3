/** Log lines as Lambda's runtimes write them: time, request id, level and message between tabs, on stdout. */
import { requestId } from "./invocation"
import { wallClockMs, writeOut } from "./wasi"

export namespace log {
  export function debug(message: string): void {
    writeLine("DEBUG", message)
  }
  export function info(message: string): void {
    writeLine("INFO", message)
  }
  export function warn(message: string): void {
    writeLine("WARN", message)
  }
  export function error(message: string): void {
    writeLine("ERROR", message)
  }
}

export function writeLine(level: string, message: string): void {
  writeOut(new Date(wallClockMs()).toISOString() + "\t" + requestId() + "\t" + level + "\t" + message + "\n")
}
