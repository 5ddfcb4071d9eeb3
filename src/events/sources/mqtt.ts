/**
 * MQTT 3.1.1, at QoS 1: a persistent session a mapping, whose client id holds its UUID.
 * ARN: `arn:aws:mqtt:<region>:<account>:<broker>/<topic filter>`. Order: by topic. What was published before the mapping was
 * made is not there to be had (but for retained messages), so that its starting position means nothing.
 */
import type { IClientOptions, MqttClient } from 'mqtt'
import { ThawError } from '../../errors.ts'
import { credentialsOf, parseSourceArn } from './broker-arn.ts'
import { createMqttSource } from './mqtt-source.ts'
import { mqttTarget, type MqttTarget } from './mqtt-target.ts'
import { messageOf, unreachable, type BrokerDriverOptions } from './record.ts'
import type { SourceDriver, SourceSettings } from './source.ts'

export function createMqttDriver({ brokers, logger }: BrokerDriverOptions): SourceDriver {
  const dial = async (
    settings: SourceSettings,
    { broker }: MqttTarget,
    options: IClientOptions,
  ): Promise<MqttClient> => {
    const url = brokers.locate(broker, settings, ['mqtt:', 'mqtts:'])
    const { username, password } = credentialsOf(url)
    url.username = ''
    url.password = ''
    const { connect } = await import('mqtt')
    return connect(url.href, {
      ...options,
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
      protocolVersion: 4,
      connectTimeout: 5_000,
      // Ours: a dead connection is noticed after one and a half of it, s.
      keepalive: 10,
      resubscribe: false,
    })
  }

  /** Connects once and leaves. `clean` takes away the session of that client id. */
  const visit = async (settings: SourceSettings, target: MqttTarget, clientId: string): Promise<void> => {
    const client = await dial(settings, target, { clientId, clean: true, reconnectPeriod: 0 })
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    client.on('connect', () => resolve())
    client.on('error', reject)
    client.on('close', () => reject(new Error('the connection was closed')))
    try {
      await promise
      await client.endAsync()
    } catch (error) {
      client.end(true)
      throw error
    }
  }

  return {
    kind: 'stream',
    matches: (arn) => parseSourceArn(arn)?.service === 'mqtt',

    async check(settings) {
      const target = mqttTarget(settings)
      try {
        await visit(settings, target, `thaw-check-${crypto.randomUUID()}`)
      } catch (error) {
        if (error instanceof ThawError) throw error
        logger.warn({ reason: messageOf(error), broker: target.broker }, 'MQTT broker cannot be asked')
        throw unreachable(target.broker, error)
      }
    },

    async open(settings) {
      const target = mqttTarget(settings)
      const connect = (options: IClientOptions) =>
        dial(settings, target, { ...options, clientId: clientIdOf(settings), clean: false })
      return createMqttSource({ connect, settings, target, logger })
    },

    async remove(settings) {
      try {
        await visit(settings, mqttTarget(settings), clientIdOf(settings))
      } catch (error) {
        logger.warn({ reason: messageOf(error), uuid: settings.uuid }, 'MQTT session was not removed')
      }
    },
  }
}

const clientIdOf = ({ uuid }: SourceSettings): string => `thaw-${uuid}`
