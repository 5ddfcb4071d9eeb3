import koffi from 'koffi'

/** linux/prctl.h */
const PR_SET_PDEATHSIG = 1
const SIGKILL = 9

/** A build in native code cannot notice that nobody waits for it any more: the kernel ends it with its parent. */
export function dieWithParent(): void {
  process.once('disconnect', () => process.exit(1))
  if (process.platform !== 'linux') return
  const parent = process.ppid
  const prctl = koffi.load(null).func('int prctl(int option, unsigned long value)')
  prctl(PR_SET_PDEATHSIG, SIGKILL)
  // It may have died before the call.
  if (process.ppid !== parent) process.exit(1)
}
