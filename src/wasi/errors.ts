/**
 * How a host function ends a guest. Nothing else may come out of one, so whoever called the guest can tell by the
 * class what happened: the guest broke a rule, left, hit a limit, or was ended from outside.
 */

/** A trap of the canonical ABI or of a WASI precondition: bad handle, pointer, UTF-8 or discriminant. */
export class GuestTrap extends WebAssembly.RuntimeError {
  override readonly name = 'GuestTrap'
}

/** `wasi:cli/exit`: unwinds the guest. `code` is 0 or 1 for `exit`, 0-255 for `exit-with-code`. */
export class GuestExit extends Error {
  override readonly name = 'GuestExit'
  readonly status: 'ok' | 'err'
  readonly code: number

  constructor(code: number) {
    super(`the guest called wasi:cli/exit with status ${code}`)
    this.code = code
    this.status = code === 0 ? 'ok' : 'err'
  }
}

/** The limits this host enforces; names as in the configuration's `limits`. */
export interface WasiLimits {
  /** WASI resources open at once, and elements of a list of them. */
  handles: number
  /** Bytes the host takes or hands over in one call. */
  hostCallBytes: number
  /** Entries of one HTTP `fields`. */
  httpFields: number
  /** Bytes of one HTTP `fields`: names, values, and 32 for each entry. */
  httpFieldBytes: number
  /** Bytes of all HTTP fields, and of bodies written before their message is sent. */
  httpHeldBytes: number
}

/** A named limit was hit. */
export class GuestLimit extends Error {
  override readonly name = 'GuestLimit'
  readonly limit: keyof WasiLimits

  constructor(limit: keyof WasiLimits, message: string) {
    super(`${message} (limit ${limit})`)
    this.limit = limit
  }
}

/** The invocation was over (deadline, caller gone, ended) while the guest waited in, or called, the host. */
export class InvocationAborted extends Error {
  override readonly name = 'InvocationAborted'
}
