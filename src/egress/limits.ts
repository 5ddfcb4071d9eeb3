import type { Limits } from '../config.ts'

/** What of the configuration's limits is about egress. */
export type EgressLimits = Pick<
  Limits,
  | 'egressConcurrency'
  | 'egressWorkerConcurrency'
  | 'egressRequests'
  | 'egressRequestBytes'
  | 'egressResponseBytes'
  | 'egressHeaderBytes'
  | 'egressBufferBytes'
  | 'egressDnsMs'
  | 'egressConnectMs'
  | 'egressFirstByteMs'
  | 'egressBetweenBytesMs'
  | 'egressTotalMs'
  | 'egressIdleConnections'
  | 'egressIdleMs'
  | 'egressIdleFunctions'
>
