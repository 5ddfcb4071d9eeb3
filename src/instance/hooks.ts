/**
 * What a running guest's checkpoints and grow instructions call. One per instance.
 *
 * A checkpoint first asks `check`, a plain import: it ends a guest out of time by throwing, and says whether the
 * guest should pause. Only then comes `pause`, a suspending import. Two steps, because an allocator called by the
 * host runs outside of `WebAssembly.promising`, where merely entering a suspending import traps.
 */

/** What the hooks ask of the invocation that runs at the moment. */
export interface HookTarget {
  /** 1 to pause, 0 to go on; throws to end the guest. */
  check(): number
  pause(): Promise<void>
  /** The delta to use, or -1 to refuse. */
  growMemory(deltaPages: number): number
  growTable(deltaElements: number): number
  /** A host call that waits: told before the guest is suspended, and again before it goes on. */
  suspended<T>(wait: Promise<T>): Promise<T>
  /**
   * A host call enters the guest's allocator: until `leaveAllocator` a pause would trap, for JSPI cannot suspend the
   * host's frames in between. Returns what to give to `leaveAllocator`.
   */
  enterAllocator(): boolean
  leaveAllocator(couldSuspend: boolean): void
}

/**
 * (import "h" "c" (func (result i32))) (import "h" "p" (func)) (import "h" "m" (func (param i32) (result i32)))
 * (import "h" "t" (func (param i32) (result i32)))
 * (func (export "x") (if (call $c) (then (call $p)))) (export "m" (func $m)) (export "t" (func $t))
 */
const trampolines = new WebAssembly.Module(
  new Uint8Array([
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00,
    // types: () -> i32, () -> (), (i32) -> i32
    0x01, 0x0d, 0x03, 0x60, 0x00, 0x01, 0x7f, 0x60, 0x00, 0x00, 0x60, 0x01, 0x7f, 0x01, 0x7f,
    // imports
    0x02, 0x19, 0x04, 0x01, 0x68, 0x01, 0x63, 0x00, 0x00, 0x01, 0x68, 0x01, 0x70, 0x00, 0x01, 0x01, 0x68, 0x01, 0x6d,
    0x00, 0x02, 0x01, 0x68, 0x01, 0x74, 0x00, 0x02,
    // one function of type 1
    0x03, 0x02, 0x01, 0x01,
    // exports x = 4, m = 2, t = 3
    0x07, 0x0d, 0x03, 0x01, 0x78, 0x00, 0x04, 0x01, 0x6d, 0x00, 0x02, 0x01, 0x74, 0x00, 0x03,
    // code: call 0; if; call 1; end; end
    0x0a, 0x0b, 0x01, 0x09, 0x00, 0x10, 0x00, 0x04, 0x40, 0x10, 0x01, 0x0b, 0x0b,
  ]),
)

/** The functions that go into slots 0, 1 and 2 of every module's `$x` table. */
export function hookFunctions(target: HookTarget): readonly [unknown, unknown, unknown] {
  const instance = new WebAssembly.Instance(trampolines, {
    h: {
      c: () => target.check(),
      p: new WebAssembly.Suspending(() => target.pause()),
      m: (delta: number) => target.growMemory(delta),
      t: (delta: number) => target.growTable(delta),
    },
  })
  const { x, m, t } = instance.exports
  return [x, m, t]
}
