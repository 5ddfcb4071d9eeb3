import * as exit from 'wasi:cli/exit@0.2.10'

export * from 'wasi:cli/exit@0.2.10'
export default exit
