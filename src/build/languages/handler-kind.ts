/** What a JavaScript function is called with. */

/** An event, or a request: then QuickJS has the component model's asynchronous calls, and bodies are streams. */
export type HandlerKind = 'event' | 'http'

/** What componentize-qjs is told for each. */
export const worlds = {
  // Without the component model's async ABI a call is a third as long (docs/architecture.md).
  event: { world: 'javascript', sync: true },
  http: { world: 'javascript-http', sync: false },
} as const satisfies Record<HandlerKind, { world: string; sync: boolean }>

/** The default export was taken for one with `fetch`, and has none: the function is to be built for events. */
export class NoFetch extends Error {
  override readonly name = 'NoFetch'
}

/** Errors: `NoFetch`, if that is what the guest SDK says (guest-sdk/javascript/init.js) in the message of a failed init. */
export function assertFetch(message: string): void {
  if (message.includes('thaw-init-error:{"errorType":"Thaw.NoFetch"')) throw new NoFetch(message)
}
