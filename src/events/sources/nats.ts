/**
 * NATS JetStream: a durable pull consumer a mapping, named by its UUID; explicit acknowledgement.
 * ARN: `arn:aws:nats:<region>:<account>:<broker>/<stream>/<filter subject>`; `>` is all subjects. Order: by subject.
 */
import type { JetStreamManager } from '@nats-io/jetstream'
import { ThawError } from '../../errors.ts'
import { credentialsOf, parseSourceArn } from './broker-arn.ts'
import { createNatsSource } from './nats-source.ts'
import { natsTarget, type NatsTarget } from './nats-target.ts'
import { subjectsOverlap } from './nats-record.ts'
import { gone, unreachable, type BrokerDriverOptions } from './record.ts'
import type { SourceDriver, SourceSettings } from './source.ts'

export function createNatsDriver({ brokers, logger }: BrokerDriverOptions): SourceDriver {
  const connect = async (settings: SourceSettings, { broker }: NatsTarget, once: boolean) => {
    const url = brokers.locate(broker, settings, ['nats:', 'tls:'])
    const { username, password } = credentialsOf(url)
    const { connect: dial } = await import('@nats-io/transport-node')
    return dial({
      servers: url.host,
      ...(password !== undefined ? { user: username ?? '', pass: password } : {}),
      // NATS's own convention: a lone user name is a token.
      ...(password === undefined && username !== undefined ? { token: username } : {}),
      ...(url.protocol === 'tls:' ? { tls: {} } : {}),
      timeout: 5_000,
      reconnect: !once,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 500,
    })
  }

  /** One connection for one question. */
  const ask = async <T>(
    settings: SourceSettings,
    target: NatsTarget,
    question: (manager: JetStreamManager) => Promise<T>,
  ): Promise<T> => {
    const { jetstreamManager } = await import('@nats-io/jetstream')
    try {
      const connection = await connect(settings, target, true)
      try {
        return await question(await jetstreamManager(connection))
      } finally {
        await connection.close()
      }
    } catch (error) {
      if (error instanceof ThawError) throw error
      logger.warn({ err: error, broker: target.broker }, 'NATS cannot be asked')
      throw unreachable(target.broker, error)
    }
  }

  return {
    kind: 'stream',
    matches: (arn) => parseSourceArn(arn)?.service === 'nats',

    async check(settings) {
      const target = natsTarget(settings)
      const { JetStreamApiError } = await import('@nats-io/jetstream')
      await ask(settings, target, async (manager) => {
        const stream = await manager.streams.info(target.stream).catch((error: unknown) => {
          if (error instanceof JetStreamApiError && error.code === 10_059)
            throw gone(`The stream "${target.stream}" of the broker "${target.broker}"`)
          throw error
        })
        const subjects = stream.config.subjects ?? []
        if (subjects.length > 0 && !subjects.some((subject) => subjectsOverlap(subject, target.filterSubject)))
          throw new ThawError(
            'InvalidParameterValue',
            `The stream "${target.stream}" has no subjects that "${target.filterSubject}" matches.`,
          )
      })
    },

    async open(settings) {
      const target = natsTarget(settings)
      const connection = await connect(settings, target, false)
      try {
        return await createNatsSource({ connection, settings, target, logger })
      } catch (error) {
        await connection.close()
        throw error
      }
    },

    async remove(settings) {
      const target = natsTarget(settings)
      await ask(settings, target, (manager) => manager.consumers.delete(target.stream, settings.uuid)).catch(
        (error: unknown) => logger.warn({ err: error, uuid: settings.uuid }, 'NATS consumer was not removed'),
      )
    },
  }
}
