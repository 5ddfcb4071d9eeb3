/**
 * RabbitMQ, in the form of Lambda's Amazon MQ mappings.
 * ARN: `arn:aws:mq:<region>:<account>:broker:<broker>`, as Amazon's with or without `:b-<id>` after it; `Queues: [one]`.
 * The virtual host is the path of the operator's URL. Order: none; a failed message goes back to its queue.
 */
import type { ChannelModel } from 'amqplib'
import { ThawError } from '../../errors.ts'
import { parseSourceArn } from './broker-arn.ts'
import { createRabbitSource } from './rabbitmq-source.ts'
import { isMissing, rabbitTarget, reasonOf, vhostOf, type RabbitTarget } from './rabbitmq-target.ts'
import { gone, unreachable, type BrokerDriverOptions } from './record.ts'
import type { SourceDriver, SourceSettings } from './source.ts'

export function createRabbitDriver({ brokers, logger }: BrokerDriverOptions): SourceDriver {
  const addressOf = (settings: SourceSettings, { broker }: RabbitTarget): URL => {
    const url = brokers.locate(broker, settings, ['amqp:', 'amqps:'])
    // Ours: a dead connection is noticed after two heartbeats. RabbitMQ's own is 60 s.
    if (!url.searchParams.has('heartbeat')) url.searchParams.set('heartbeat', '10')
    return url
  }

  const connect = async (url: URL): Promise<ChannelModel> => {
    const { connect: dial } = await import('amqplib')
    const connection = await dial(url.href, { timeout: 5_000, noDelay: true })
    // Errors of a connection end in `close`, which is what is acted upon.
    connection.on('error', () => {})
    return connection
  }

  return {
    kind: 'queue',
    matches: (arn) => parseSourceArn(arn)?.service === 'mq',

    async check(settings) {
      const target = rabbitTarget(settings)
      const url = addressOf(settings, target)
      const name = `The queue "${target.queue}" of the broker "${target.broker}"`
      let connection: ChannelModel
      try {
        connection = await connect(url)
      } catch (error) {
        logger.warn({ reason: reasonOf(error), broker: target.broker }, 'RabbitMQ cannot be asked')
        throw unreachable(target.broker, error)
      }
      try {
        const channel = await connection.createChannel()
        channel.on('error', () => {})
        await channel.checkQueue(target.queue)
      } catch (error) {
        // 404: no such queue. What else it may say: another connection's exclusive queue, no permission.
        if (isMissing(error)) throw gone(name)
        throw new ThawError('InvalidParameterValue', `${name} is not open to Thaw.`, { cause: error })
      } finally {
        await connection.close().catch(() => {})
      }
    },

    async open(settings) {
      const target = rabbitTarget(settings)
      const url = addressOf(settings, target)
      return createRabbitSource({ connect: () => connect(url), vhost: vhostOf(url), settings, target, logger })
    },
  }
}
