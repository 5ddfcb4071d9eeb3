/**
 * What an AssemblyScript function imports: `import { Json, Context } from "thaw"`.
 *
 * A handler takes its event, and if it likes the context. By its types it is of the event style (`Json`, `string`,
 * `Uint8Array` or `ArrayBuffer`, in and out) or of the fetch style (`Request` in, `Response` out).
 */
export { Context } from "./context"
export { fail } from "./abi"
export { env } from "./env"
export { log } from "./log"
export { Json, JsonKind } from "./json"
export { base64 } from "./base64"
export { Headers } from "./headers"
export { Request } from "./request"
export { Response } from "./response"
export { environment, exit } from "./wasi"
