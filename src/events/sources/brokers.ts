/** The drivers of brokers that an operator runs beside Thaw. A client library is loaded when a mapping first needs it. */
import type { Logger } from 'pino'
import { createBrokerAddresses } from './broker-arn.ts'
import { createKafkaRefusal } from './kafka-event.ts'
import { createMqttDriver } from './mqtt.ts'
import { createNatsDriver } from './nats.ts'
import { createRabbitDriver } from './rabbitmq.ts'
import { createRedisDriver } from './redis.ts'
import type { SourceDriver } from './source.ts'

export interface BrokerDriversOptions {
  /** From the names that ARNs use to URLs (`config.brokers`). */
  brokers: Readonly<Record<string, string>>
  region: string
  logger: Logger
}

export function createBrokerDrivers({ brokers, logger, region }: BrokerDriversOptions): SourceDriver[] {
  const shared = { brokers: createBrokerAddresses(brokers, region), logger }
  return [
    createNatsDriver(shared),
    createRabbitDriver(shared),
    createRedisDriver(shared),
    createMqttDriver(shared),
    createKafkaRefusal(),
  ]
}
