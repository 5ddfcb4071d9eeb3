/** A worker must not outlive its controller, not even with a guest on its thread that never gives it back. */
import koffi from 'koffi'
import { ThawError } from '../errors.ts'

/** <linux/prctl.h> */
const PR_SET_PDEATHSIG = 1
const SIGKILL = 9

/**
 * The kernel kills this process when its parent dies. Linux only: elsewhere the closed IPC channel ends a worker, which
 * a guest that holds the thread delays until its deadline.
 * @param parentPid who the parent must still be; if it died before the kernel was asked, nobody would ever tell
 */
export function dieWithParent(parentPid: number): void {
  if (process.platform === 'linux') {
    // prctl is variadic in C; Linux passes such arguments like any other.
    const prctl = koffi
      .load(null)
      .func('int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)')
    const result: unknown = prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)
    if (result !== 0) throw new ThawError('Service', `prctl(PR_SET_PDEATHSIG) failed: errno ${koffi.errno()}`)
  }
  if (process.ppid !== parentPid) process.exit(1)
}
