/** Records for tests; without vitest, so that child processes can use them. */
import { randomUUID } from 'node:crypto'
import { latest } from '../../src/store/records.ts'
import type { NewFunction } from '../../src/store/store.ts'

export const accountId = '111111111111'

export function draft(functionName: string, overrides: Partial<NewFunction> = {}): NewFunction {
  return {
    accountId,
    functionName,
    version: latest,
    revisionId: randomUUID(),
    lastModified: new Date('2026-01-02T03:04:05.678Z'),
    configuration: {
      runtime: 'nodejs24.x',
      handler: 'index.handler',
      role: 'arn:aws:iam::111111111111:role/r',
      description: '',
      timeoutSeconds: 3,
      memoryMb: 128,
      environment: { KEY: 'väl\u0000ue' },
      architecture: 'x86_64',
      ephemeralStorageMb: 512,
      tracingMode: 'PassThrough',
      snapStartApplyOn: 'None',
      logGroup: `/aws/lambda/${functionName}`,
    },
    code: { sha256: 'a'.repeat(64), sizeBytes: 10 },
    state: { name: 'Pending', reasonCode: 'Creating', reason: 'The function is being created.' },
    lastUpdate: { status: 'None' },
    live: undefined,
    tags: { team: 'x' },
    ...overrides,
  }
}
