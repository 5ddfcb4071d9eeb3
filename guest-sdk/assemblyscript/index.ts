/**
 * What an AssemblyScript function imports: `import { Json, Context } from "thaw"`.
 *
 * A handler takes its event, and if it likes the context: `Json`, `string`, `Uint8Array` or `ArrayBuffer`, in and out, or
 * a `Request` in and a `Response` out, by events of payload format 2.0. A function that is called `fetch` takes a
 * `Request` and gives a `Response` without events: both can be streamed.
 */
export { Context } from "./context"
export { fail } from "./abi"
export { env } from "./env"
export { log } from "./log"
export { Json, JsonKind } from "./json"
export { base64 } from "./base64"
export { fetch, fetchAll } from "./fetch"
export { Headers } from "./headers"
export { HttpError } from "./http-error"
export { Request } from "./request"
export { RequestStream } from "./request-stream"
export { Response } from "./response"
export { ResponseStream } from "./response-stream"
export { environment, exit } from "./wasi"
