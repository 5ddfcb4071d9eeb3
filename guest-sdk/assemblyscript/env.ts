import { environment } from "./wasi"

/** The variables of the function's configuration. Read them in the handler: init sees none. */
export namespace env {
  /** Null if it is not set. */
  export function get(name: string): string | null {
    return environment(name)
  }

  export function getOr(name: string, fallback: string): string {
    const value = environment(name)
    return value === null ? fallback : value
  }
}
