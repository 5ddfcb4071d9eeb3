/** The invocation's context. Each field is decoded when it is asked for, and only then. */
import { wallClockMs } from "./wasi"

/** Offsets in the arguments of `handle` (Canonical ABI, "flattening": 25 flat values, so they come in memory). */
const requestId: usize = 8
const functionName: usize = 16
const functionVersion: usize = 24
const invokedFunctionArn: usize = 32
const memoryLimit: usize = 40
const logGroupName: usize = 44
const logStreamName: usize = 52
const deadline: usize = 64
const clientContext: usize = 72
const tenantId: usize = 84
const traceId: usize = 96

@final
export class Context {
  constructor(private args: usize) {}

  get awsRequestId(): string {
    return text(this.args + requestId)
  }
  get functionName(): string {
    return text(this.args + functionName)
  }
  get functionVersion(): string {
    return text(this.args + functionVersion)
  }
  get invokedFunctionArn(): string {
    return text(this.args + invokedFunctionArn)
  }
  get memoryLimitInMB(): i32 {
    return load<i32>(this.args + memoryLimit)
  }
  get logGroupName(): string {
    return text(this.args + logGroupName)
  }
  get logStreamName(): string {
    return text(this.args + logStreamName)
  }
  /** JSON, if the caller sent one. */
  get clientContext(): string | null {
    return optionalText(this.args + clientContext)
  }
  get tenantId(): string | null {
    return optionalText(this.args + tenantId)
  }
  get traceId(): string | null {
    return optionalText(this.args + traceId)
  }
  getRemainingTimeInMillis(): i64 {
    return load<i64>(this.args + deadline) - wallClockMs()
  }
}

function text(at: usize): string {
  return String.UTF8.decodeUnsafe(load<usize>(at), load<usize>(at, 4))
}

function optionalText(at: usize): string | null {
  return load<u8>(at) == 0 ? null : text(at + 4)
}
