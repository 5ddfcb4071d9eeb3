/** Constant expressions: initial values of globals and tables, offsets and items of segments. */
import type { ByteReader } from './bytes.ts'
import type { OperatorReader } from './operators.ts'
import { OP } from './operators.ts'

/** Move `reader` behind the constant expression it stands at. Whether it is constant, V8 checks. */
export function skipExpression(reader: ByteReader, operators: OperatorReader): void {
  operators.enter({ start: reader.position, end: reader.end })
  let code: number
  do {
    code = operators.next().code
  } while (code !== OP.end)
  reader.skip(operators.position - reader.position)
}
