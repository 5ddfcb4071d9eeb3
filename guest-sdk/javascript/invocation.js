/**
 * What the globals must know of the invocation under way. Its state is part of the snapshot, so every invocation
 * finds it as init left it: `live` false, everything lazy still to be read.
 */
export const invocation = {
  /** False during init, when the environment is empty and clocks and randomness are the builder's. */
  live: false,
  requestId: '',
  /** Milliseconds since the Unix epoch. */
  deadlineMs: 0,
  /** X-Ray's header, if the caller sent one; `process.env._X_AMZN_TRACE_ID` as in Lambda. */
  traceId: undefined,
  /** Where an exception goes that no promise of the function's carries; replaced by the handler's own. */
  uncaught(error) {
    throw error
  },
  /** web/fetch.js's, in a function that mentions it. */
  outgoing: undefined,
  /** http-loop.js's, in a function that answers HTTP: there is something new to wait for. */
  wake: undefined,
  /** hooks.js, in a function that imports it. */
  hooks: undefined,
  /** rejections.js, in a function that makes promises. */
  rejections: undefined,
  /** awslambda.js, in a function that mentions it: makes an ordinary handler of one that streams. */
  streamed: undefined,
  /** Called when nothing is left to run and the handler has not answered: it may settle what can come to nothing more. */
  idle: undefined,
}

/** As the engine has it: others replace it. */
export const nativeThen = Promise.prototype.then

export { monotonicMs } from './clock.js'
