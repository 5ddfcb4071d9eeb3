/** WASI 0.3 besides HTTP. */
import type { HostInterfaces } from '../state.ts'
import { cli3 } from './cli.ts'
import { clocks3 } from './clocks.ts'
import { filesystem3 } from './filesystem.ts'
import { random3 } from './random.ts'
import { sockets3 } from './sockets.ts'

export const third: HostInterfaces = { ...cli3, ...clocks3, ...filesystem3, ...random3, ...sockets3 }
