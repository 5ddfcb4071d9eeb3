/** Text tables: columns as wide as their widest cell, numbers where the reader expects them. */

export interface Table {
  head: string[]
  rows: string[][]
}

export function renderTable({ head, rows }: Table): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)))
  const line = (cells: string[]) =>
    `  ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd()
  const rule = `  ${widths.map((width) => '-'.repeat(width)).join('  ')}`
  return [line(head), rule, ...rows.map((row) => line(row))].join('\n')
}

/** Lines of at most `width` columns: the first begins with `mark`, the others with as many spaces. */
export function wrapText(text: string, width: number, mark: string): string {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(/\s+/)) {
    if (line !== '' && mark.length + line.length + 1 + word.length > width) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line].map((line, index) => (index === 0 ? mark : ' '.repeat(mark.length)) + line).join('\n')
}
