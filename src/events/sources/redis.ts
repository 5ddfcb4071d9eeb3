/**
 * Redis Streams: a consumer group a mapping, named by its UUID.
 * ARN: `arn:aws:redis:<region>:<account>:<broker>/<key>`. Order: the whole stream, which is one key.
 */
import type { RedisClientType } from '@redis/client'
import { ThawError } from '../../errors.ts'
import { parseSourceArn } from './broker-arn.ts'
import { gone, unreachable, type BrokerDriverOptions } from './record.ts'
import { createRedisSource } from './redis-source.ts'
import { redisTarget, type RedisTarget } from './redis-target.ts'
import type { SourceDriver, SourceSettings } from './source.ts'

export function createRedisDriver({ brokers, logger }: BrokerDriverOptions): SourceDriver {
  const addressOf = (settings: SourceSettings, { broker }: RedisTarget): string =>
    brokers.locate(broker, settings, ['redis:', 'rediss:']).href

  /** One connection for one question. */
  const ask = async <T>(
    settings: SourceSettings,
    target: RedisTarget,
    question: (client: RedisClientType) => Promise<T>,
  ): Promise<T> => {
    const { createClient } = await import('@redis/client')
    const url = addressOf(settings, target)
    const client = createClient({ url, socket: { connectTimeout: 5_000, reconnectStrategy: false } })
    client.on('error', () => {})
    try {
      await client.connect()
      return await question(client)
    } catch (error) {
      if (error instanceof ThawError) throw error
      logger.warn({ err: error, broker: target.broker }, 'Redis cannot be asked')
      throw unreachable(target.broker, error)
    } finally {
      client.destroy()
    }
  }

  return {
    kind: 'stream',
    matches: (arn) => parseSourceArn(arn)?.service === 'redis',

    async check(settings) {
      const target = redisTarget(settings)
      const type = await ask(settings, target, (client) => client.type(target.key))
      const name = `The stream "${target.key}" of the broker "${target.broker}"`
      if (type === 'none') throw gone(name)
      if (type !== 'stream') throw new ThawError('InvalidParameterValue', `${name} is no stream but a ${type}.`)
    },

    async open(settings) {
      const target = redisTarget(settings)
      return createRedisSource({ url: addressOf(settings, target), settings, target, logger })
    },

    async remove(settings) {
      const target = redisTarget(settings)
      await ask(settings, target, (client) => client.xGroupDestroy(target.key, settings.uuid)).catch((error: unknown) =>
        logger.warn({ err: error, uuid: settings.uuid }, 'Redis consumer group was not removed'),
      )
    },
  }
}
