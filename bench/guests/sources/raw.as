// The same without Thaw and without a component: for @assemblyscript/loader.
import { handler } from "./echo"

export function handle(event: ArrayBuffer): ArrayBuffer {
  return handler(Uint8Array.wrap(event)).buffer
}
