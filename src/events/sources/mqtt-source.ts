/**
 * One mapping's persistent session. The broker keeps what was not acknowledged and sends it again, with the same packet id,
 * when the client is back. MQTT has no way to give a message back on a living connection: it is kept here for its time.
 *
 * Acknowledgements go out when a message is done with, not in the order of arrival as the specification wants it (3.1.1,
 * 4.6): a topic whose function fails would hold up all others. Brokers find the message by its packet id.
 */
import type { IClientOptions, IPublishPacket, MqttClient } from 'mqtt'
import type { Logger } from 'pino'
import { createInbox } from './inbox.ts'
import type { MqttTarget } from './mqtt-target.ts'
import { mqttId, mqttRecord } from './mqtt-record.ts'
import { messageOf } from './record.ts'
import type { EventSource, SourceRecord, SourceSettings } from './source.ts'

export interface MqttSourceOptions {
  connect(options: IClientOptions): Promise<MqttClient>
  settings: SourceSettings
  target: MqttTarget
  logger: Logger
}

/** How to acknowledge. Good on the connection it came by. */
interface Delivery {
  connection: number
  /** Undefined at QoS 0: there is nothing to acknowledge. */
  packetId: number | undefined
}

/** Ours: pauses between connections, doubling. */
const firstPauseMs = 100
const longestPauseMs = 5_000

export async function createMqttSource({
  connect,
  settings,
  target,
  ...rest
}: MqttSourceOptions): Promise<EventSource> {
  const logger = rest.logger.child({ uuid: settings.uuid, broker: target.broker })
  const inbox = createInbox<Delivery>()
  const client = await connect({ reconnectPeriod: firstPauseMs })
  const opened = Promise.withResolvers<void>()
  const pings = countPings(client)
  let connection = 0
  /** Sessions that the broker has lost. */
  let epoch = 0
  let subscribed = false
  let failure: Error | undefined

  const acknowledgeNow = (packetId: number): void => {
    // A PUBACK. mqtt.js sends one by itself only when its handler of the message is done, and handles one at a time.
    client.stream.write(Buffer.from([0x40, 2, packetId >> 8, packetId & 0xff]))
  }

  client.handleMessage = (packet: IPublishPacket, done) => {
    // An error keeps mqtt.js from acknowledging; it does nothing else with it.
    done(new Error('acknowledged later'))
    const { qos, dup, messageId } = packet
    const packetId = qos === 0 ? undefined : messageId
    // What is repeated comes before what is new: whatever was not among it will not come again.
    if (!dup && qos > 0) inbox.forgetFinished()
    const id = mqttId(packet, epoch)
    const before = inbox.arrive(mqttRecord(packet, id, settings.eventSourceArn), { connection, packetId })
    if (before === 'done' && packetId !== undefined) {
      acknowledgeNow(packetId)
      inbox.settle({ id })
    }
  }

  const subscribe = async (): Promise<void> => {
    const [granted] = await client.subscribeAsync(target.topicFilter, { qos: 1 })
    if (granted === undefined || granted.qos > 2)
      throw new Error(`the broker refuses the subscription to "${target.topicFilter}"`)
    subscribed = true
  }

  // Before the messages that follow it; `connect` is emitted after them.
  client.on('packetreceive', (packet) => {
    if (packet.cmd !== 'connack') return
    connection += 1
    if (packet.sessionPresent) {
      subscribed = true
      return
    }
    if (subscribed) logger.warn('MQTT broker has lost the session')
    subscribed = false
    epoch += connection === 1 ? 0 : 1
    inbox.forgetFinished()
  })

  client.on('connect', () => {
    client.options.reconnectPeriod = firstPauseMs
    const ready = subscribed ? Promise.resolve() : subscribe()
    ready.then(opened.resolve, (error: unknown) => {
      if (client.disconnecting) return
      logger.warn({ reason: messageOf(error) }, 'MQTT subscription failed')
      if (client.connected) failure = error instanceof Error ? error : new Error(String(error))
      opened.reject(error)
    })
  })

  client.on('close', () => {
    const pause = client.options.reconnectPeriod ?? firstPauseMs
    client.options.reconnectPeriod = Math.min(pause * 2, longestPauseMs) * (1 - Math.random() / 4)
  })
  client.on('error', (error) => {
    logger.debug({ reason: messageOf(error) }, 'MQTT connection')
    opened.reject(error)
  })

  try {
    await opened.promise
  } catch (error) {
    client.end(true)
    throw error
  }

  return {
    async receive(request) {
      if (failure !== undefined) throw failure
      return inbox.receive(request)
    },

    async acknowledge(records) {
      const sent: SourceRecord[] = []
      for (const record of records) {
        const delivery = inbox.handle(record)
        if (delivery === undefined) continue
        const live = client.connected && delivery.connection === connection
        if (delivery.packetId === undefined) inbox.settle(record)
        else if (live) {
          acknowledgeNow(delivery.packetId)
          sent.push(record)
        } else inbox.finish(record)
      }
      // Acknowledgements have no answer: when a later ping is answered, they have been seen to.
      const certain = sent.length === 0 || (await pings.ping())
      for (const record of sent) {
        if (certain) inbox.settle(record)
        else inbox.finish(record)
      }
    },

    async release(records, delayMs) {
      for (const record of records) inbox.defer(record, delayMs ?? 0)
    },

    // A message is ours for as long as the session lasts.
    extend: async () => {},
    event: (records) => ({ Records: records.map(({ json }) => json) }),

    async [Symbol.asyncDispose]() {
      inbox[Symbol.dispose]()
      await client.endAsync(!client.connected)
    },
  }
}

/** Answers come in the order of the requests, those of mqtt.js itself included. */
function countPings(client: MqttClient) {
  let sent = 0
  let answered = 0
  let waiting: { from: number; resolve: (answered: boolean) => void }[] = []
  client.on('packetsend', ({ cmd }) => {
    if (cmd === 'pingreq') sent += 1
  })
  client.on('packetreceive', ({ cmd }) => {
    if (cmd !== 'pingresp') return
    answered += 1
    for (const { from, resolve } of waiting) if (answered >= from) resolve(true)
    waiting = waiting.filter(({ from }) => answered < from)
  })
  client.on('close', () => {
    answered = sent
    for (const { resolve } of waiting.splice(0)) resolve(false)
  })
  return {
    /** Whether the server has answered; false when the connection is over. */
    ping(): Promise<boolean> {
      client.sendPing()
      return new Promise((resolve) => waiting.push({ from: sent, resolve }))
    },
  }
}
