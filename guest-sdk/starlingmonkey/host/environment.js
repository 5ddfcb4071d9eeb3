import * as environment from 'wasi:cli/environment@0.2.10'

export * from 'wasi:cli/environment@0.2.10'
export default environment
