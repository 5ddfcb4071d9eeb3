/** Function bodies: where the lean module differs from the guest's code, and the code with those places rewritten. */
import { byteLength, ByteReader, u32 } from './bytes.ts'
import type { ModuleBytes, Span } from './bytes.ts'
import { OP, operatorReader } from './operators.ts'
import type { Operator, OperatorReader } from './operators.ts'
import { malformed } from './rejection.ts'
import type { Sections } from './sections.ts'
import { readValueType } from './types.ts'

export type EditKind = 'checkpoint' | 'growMemory' | 'growTable' | 'remove'

interface Edit {
  kind: EditKind
  at: number
  /** Bytes of the original that go. */
  length: number
}

interface EditedBody {
  /** With its size in front. */
  span: Span
  /** Without it. */
  start: number
  edits: Edit[]
}

export interface CodeScan {
  edited: EditedBody[]
  counts: Record<EditKind, number>
  mutatesTables: boolean
  /** Data segments that some memory.init reads. */
  segments: Set<number>
}

/** Instructions that change a table after instantiation. */
const TABLE_WRITES: ReadonlySet<number> = new Set([OP.tableSet, OP.tableInit, OP.tableCopy, OP.tableGrow, OP.tableFill])

export function scanCode(bytes: ModuleBytes, sections: Sections): CodeScan {
  const scan: CodeScan = {
    edited: [],
    counts: { checkpoint: 0, growMemory: 0, growTable: 0, remove: 0 },
    mutatesTables: false,
    segments: new Set(),
  }
  const section = sections.get('code')
  if (section === undefined) return scan
  const reader = new ByteReader(bytes, section, 'code section')
  const operators = operatorReader(bytes, 'code section')
  for (let left = reader.u32(); left > 0; left -= 1) {
    const whole = reader.position
    const size = reader.u32()
    const start = reader.position
    reader.skip(size)
    const end = reader.position
    const edits = scanBody(new ByteReader(bytes, { start, end }, 'function body'), operators, scan)
    if (edits.length > 0) scan.edited.push({ span: { start: whole, end }, start, edits })
  }
  reader.finish()
  return scan
}

function scanBody(body: ByteReader, operators: OperatorReader, scan: CodeScan): Edit[] {
  for (let left = body.u32(); left > 0; left -= 1) {
    body.u32()
    readValueType(body)
  }
  const edits: Edit[] = []
  let last: number = -1
  operators.enter({ start: body.position, end: body.end })
  while (operators.position < body.end) {
    const operator = operators.next()
    last = operator.code
    if (TABLE_WRITES.has(last)) scan.mutatesTables = true
    if (last === OP.memoryInit && operator.segment !== undefined) scan.segments.add(operator.segment)
    const edit = editFor(operator, operators.position)
    if (edit === undefined) continue
    scan.counts[edit.kind] += 1
    edits.push(edit)
  }
  if (last !== OP.end) throw malformed('it has a function body that does not end')
  return edits
}

function editFor({ code, at }: Operator, end: number): Edit | undefined {
  switch (code) {
    case OP.loop:
      return { kind: 'checkpoint', at: end, length: 0 }
    case OP.returnCall:
    case OP.returnCallIndirect:
    case OP.returnCallRef:
      return { kind: 'checkpoint', at, length: 0 }
    case OP.memoryGrow:
      return { kind: 'growMemory', at, length: 0 }
    case OP.tableGrow:
      return { kind: 'growTable', at, length: 0 }
    case OP.dataDrop:
    case OP.elemDrop:
      return { kind: 'remove', at, length: end - at }
    default:
      return undefined
  }
}

/** The code section with `snippets` put in at the scan's edits. What is not edited is not copied. */
export function rewriteCode(
  bytes: ModuleBytes,
  section: Span,
  scan: CodeScan,
  snippets: Record<EditKind, Uint8Array>,
): Uint8Array[] {
  const out: Uint8Array[] = []
  let at = section.start
  for (const { span, start, edits } of scan.edited) {
    const body: Uint8Array[] = []
    let from = start
    for (const edit of edits) {
      body.push(bytes.subarray(from, edit.at), snippets[edit.kind])
      from = edit.at + edit.length
    }
    body.push(bytes.subarray(from, span.end))
    out.push(bytes.subarray(at, span.start), Uint8Array.from(u32(byteLength(body))))
    for (const piece of body) out.push(piece)
    at = span.end
  }
  out.push(bytes.subarray(at, section.end))
  return out
}
