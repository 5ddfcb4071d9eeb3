/** What the bench is at, while it runs: one line that is written over on a terminal, a line now and then elsewhere. */

export interface Progress {
  /** A figure begins. */
  figure(title: string): void
  /** What is going on within it, and how far it has come, 0 to 1, where that is known. */
  step(text: string, share?: number): void
  /** The figure is over: the line goes. */
  done(): void
}

export interface ProgressOptions {
  out: NodeJS.WriteStream
  figures: number
  /** Not on a terminal: how often a line is worth it. */
  everyMs?: number
}

export function createProgress({ out, figures, everyMs = 5_000 }: ProgressOptions): Progress {
  const startedMs = performance.now()
  let begun = 0
  let title = ''
  let lastMs = Number.NEGATIVE_INFINITY
  const prefix = () => (begun === 0 ? 'preparing' : `[${begun}/${figures}] ${title}`)
  const elapsed = () => `${Math.round((performance.now() - startedMs) / 1_000)} s`
  return {
    figure(next) {
      begun++
      title = next
      lastMs = performance.now()
      if (!out.isTTY) out.write(`${prefix()} (${elapsed()})\n`)
    },
    step(text, share) {
      const percent = share === undefined ? '' : ` ${Math.floor(share * 100)} %`
      if (out.isTTY) {
        const line = `${prefix()}: ${text}${percent} (${elapsed()})`.slice(0, out.columns - 1)
        out.write(`\r\u{1b}[2K${line}`)
        return
      }
      if (performance.now() - lastMs < everyMs) return
      lastMs = performance.now()
      out.write(`${prefix()}: ${text}${percent} (${elapsed()})\n`)
    },
    done() {
      if (out.isTTY) out.write('\r\u{1b}[2K')
    },
  }
}
