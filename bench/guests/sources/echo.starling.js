// Made with `jco componentize` (StarlingMonkey), which knows no asynchronous exports: `handle` is lifted synchronously.
let count = 0

export const handler = {
  handle(event) {
    const { id } = JSON.parse(new TextDecoder().decode(event))
    return new TextEncoder().encode(JSON.stringify({ id, count: ++count }))
  },
}
