/** What a command prints: data on stdout, everything else on stderr. */

const shownAfterMs = 1_000
const everyMs = 250

export function print(text: string): void {
  process.stdout.write(text.endsWith('\n') ? text : `${text}\n`)
}

export function note(text: string): void {
  process.stderr.write(text.endsWith('\n') ? text : `${text}\n`)
}

/** With `--json` the value, else the lines. */
export function printResult({ json }: { json?: true }, value: unknown, lines: () => string[]): void {
  const text = json === true ? [JSON.stringify(value, undefined, 2)] : lines()
  process.stdout.write(text.map((line) => `${line}\n`).join(''))
}

/** Columns as wide as their widest cell, two spaces between. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = []
  for (const row of rows)
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length)
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}

/** `1.5 KiB` */
export function bytesText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB']
  let value = bytes
  let unit = 0
  for (; value >= 1_024 && unit < units.length - 1; unit++) value /= 1_024
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit] ?? ''}`
}

export const msText = (ms: number): string =>
  ms >= 1_000 ? `${(ms / 1_000).toFixed(1)} s` : `${ms.toFixed(ms < 10 ? 1 : 0)} ms`

/** Says what takes longer than a second, and for how long, until it is done; on a terminal only. */
export async function withProgress<T>(what: string, work: Promise<T>): Promise<T> {
  if (!process.stderr.isTTY) return work
  const began = performance.now()
  const timer = setInterval(() => {
    const ms = performance.now() - began
    if (ms >= shownAfterMs) process.stderr.write(`\r\u001b[K${what} (${Math.floor(ms / 1_000)} s)`)
  }, everyMs)
  try {
    return await work
  } finally {
    clearInterval(timer)
    if (performance.now() - began >= shownAfterMs) process.stderr.write('\r\u001b[K')
  }
}
