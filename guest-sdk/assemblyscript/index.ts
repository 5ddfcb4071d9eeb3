/** What an AssemblyScript function imports: `import { Context, environment, fail } from "thaw"`. */
export { Context } from "./context"
export { fail } from "./abi"
export { environment, exit } from "./wasi"
