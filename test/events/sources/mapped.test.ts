/** A mapping over each real broker, from the API to the function. */
import {
  CreateEventSourceMappingCommand,
  DeleteEventSourceMappingCommand,
  GetEventSourceMappingCommand,
} from '@aws-sdk/client-lambda'
import { describe, expect, test } from 'vitest'
import type { EventInvocation, EventResult } from '../../../src/events/invoking.ts'
import { createActive } from '../../api/prepared.ts'
import { startApi } from '../../api/server.ts'
import { accountId, region, urlOf } from './harness.ts'
import { mqtt } from './mqtt.harness.ts'
import { nats } from './nats.harness.ts'
import { rabbitmq } from './rabbitmq.harness.ts'
import { redis } from './redis.harness.ts'
import { isMissingService } from './services.ts'

const succeeded: EventResult = { kind: 'success', payload: Buffer.from('null'), executedVersion: '$LATEST' }

for (const harness of [nats, redis, rabbitmq, mqtt])
  describe.skipIf(await isMissingService(harness.port))(`a mapping over ${harness.name}`, () => {
    test('invokes the function with what is published, again if it failed, and leaves when it is deleted', async () => {
      const invocations: EventInvocation[] = []
      let told = () => {}
      const invoke = async (invocation: EventInvocation): Promise<EventResult> => {
        invocations.push(invocation)
        told()
        return invocations.length === 1 ? { ...succeeded, kind: 'error', payload: Buffer.from('{}') } : succeeded
      }
      const until = async (condition: () => boolean) => {
        while (!condition()) await new Promise<void>((resolve) => (told = resolve))
      }
      await using fixture = await harness.prepare(harness.port, 'main')
      await using api = await startApi({ config: { brokers: { main: urlOf(harness, harness.port) } }, invoke })
      await createActive(api, 'f')
      await api.start()
      const { UUID } = await api.client.send(
        new CreateEventSourceMappingCommand({
          FunctionName: 'f',
          EventSourceArn: `arn:aws:${harness.service}:${region}:${accountId}:${fixture.resource}`,
          ...(fixture.queues === undefined ? { StartingPosition: 'TRIM_HORIZON' } : { Queues: fixture.queues }),
        }),
      )
      await api.mappings.idle()
      await fixture.publish('k', 'hello')

      await until(() => invocations.length === 2)
      for (const { payload } of invocations) {
        const text = Buffer.from(payload).toString()
        expect(text.includes('hello') || text.includes(Buffer.from('hello').toString('base64'))).toBe(true)
      }
      const found = await api.client.send(new GetEventSourceMappingCommand({ UUID }))
      expect(found.State).toBe('Enabled')
      await api.client.send(new DeleteEventSourceMappingCommand({ UUID }))
      await api.mappings.idle()
      await expect(api.client.send(new GetEventSourceMappingCommand({ UUID }))).rejects.toMatchObject({
        name: 'ResourceNotFoundException',
      })
    })
  })
