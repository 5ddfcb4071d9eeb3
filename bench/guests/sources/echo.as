// Answers `{"id":"…"}` with `{"id":"…","count":n}`: n counts this instance's calls, in a global and in memory both.
let calls: i32 = 0
const cell: usize = memory.data(4)
// Differs between two functions of one engine: code is the same, data is not.
const label: string = "echo-0"
const member = String.UTF8.encode(',"count":')

export function handler(event: Uint8Array): Uint8Array {
  if (event.length == 0) return Uint8Array.wrap(String.UTF8.encode(label))
  calls++
  store<i32>(cell, load<i32>(cell) + 1)
  return answer(event, max(calls, load<i32>(cell)))
}

function answer(event: Uint8Array, count: i32): Uint8Array {
  let digits = 1
  for (let rest = count / 10; rest > 0; rest /= 10) digits++
  const kept = event.length - 1
  const out = new Uint8Array(kept + member.byteLength + digits + 1)
  memory.copy(out.dataStart, event.dataStart, kept)
  memory.copy(out.dataStart + kept, changetype<usize>(member), member.byteLength)
  let rest = count
  for (let at = out.length - 2; at >= kept + member.byteLength; at--) {
    out[at] = <u8>(48 + (rest % 10))
    rest /= 10
  }
  out[out.length - 1] = 125
  return out
}
