/** Where the outcome of an asynchronous invocation may be sent. */
import { ThawError } from '../../errors.ts'
import type { Queues } from '../../events/queues.ts'
import { latest } from '../../store/records.ts'
import type { FunctionRef } from '../names.ts'
import type { Targets } from './targets.ts'

export interface Destinations {
  /** ARNs. */
  onSuccess: string | undefined
  onFailure: string | undefined
}

export interface DestinationCheckOptions {
  queues: Pick<Queues, 'find'>
  targets: Targets
  region: string
}

/** Services that AWS takes and Thaw has not. */
const unsupported = new Map([
  ['sns', 'Amazon SNS'],
  ['events', 'Amazon EventBridge'],
  ['s3', 'Amazon S3'],
  ['kafka', 'Apache Kafka'],
])

const arnParts = /^arn:aws[a-zA-Z-]*:(?<service>[a-zA-Z0-9-]+):(?<region>[a-z0-9-]*):(?<account>\d*):(?<resource>.*)$/

/** Throws `InvalidParameterValue` unless both are an existing queue or function of the account. */
export type DestinationCheck = (owner: FunctionRef, destinations: Destinations) => Promise<void>

export function createDestinationCheck({ queues, targets, region }: DestinationCheckOptions): DestinationCheck {
  const reachable = async (owner: FunctionRef, arn: string): Promise<boolean> => {
    const parts = arnParts.exec(arn)?.groups
    if (parts?.region !== region || parts.account !== owner.accountId) return false
    if (parts.service === 'sqs') {
      const queue = await queues.find(arn)
      // AWS: standard queues only.
      return queue !== undefined && !queue.fifo
    }
    const [, functionName, qualifier] =
      /^function:([a-zA-Z0-9_-]+)(?::([a-zA-Z0-9_$-]+))?$/.exec(parts.resource ?? '') ?? []
    if (functionName === undefined) return false
    if (functionName === owner.functionName)
      throw invalid("You can't specify the function as a destination for itself.")
    return targets.qualifierExists({
      accountId: owner.accountId,
      functionName,
      qualifier: qualifier ?? latest,
      explicitQualifier: qualifier,
    })
  }

  return async (owner, destinations) => {
    for (const arn of [destinations.onSuccess, destinations.onFailure]) {
      if (arn === undefined) continue
      const service = arn.startsWith('kafka://') ? 'kafka' : arnParts.exec(arn)?.groups?.service
      const name = service === undefined ? undefined : unsupported.get(service)
      if (name !== undefined)
        throw invalid(`${name} is not supported as a destination: use an SQS queue or a Lambda function. (${arn})`)
      if (service !== 'sqs' && service !== 'lambda')
        throw invalid(`The provided destination config ${describe(destinations)} is invalid.`)
      if (!(await reachable(owner, arn))) throw invalid(`The destination ARN ${arn} is invalid.`)
    }
  }
}

const invalid = (message: string) => new ThawError('InvalidParameterValue', message)

/** As AWS's service, written in Java, prints it. */
function describe({ onSuccess, onFailure }: Destinations): string {
  const print = (name: string, arn: string | undefined) => (arn === undefined ? 'null' : `${name}(destination=${arn})`)
  return `DestinationConfig(onSuccess=${print('OnSuccess', onSuccess)}, onFailure=${print('OnFailure', onFailure)})`
}
