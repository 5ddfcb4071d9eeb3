/** The few operations that the events' figure sets itself up with, over plain HTTP. */
import { buffer } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { ZipFile } from 'yazl'
import { z } from 'zod'

export interface Api {
  /** A JavaScript function of this source; resolves when it is active. */
  deploy(name: string, source: string): Promise<void>
  createQueue(name: string): Promise<{ url: string; arn: string }>
  /** Resolves when it is enabled. */
  createMapping(functionName: string, arn: string, batchSize: number): Promise<void>
  /** So many messages of some 100 bytes. */
  sendBatch(queueUrl: string, count: number): Promise<void>
}

const pollMs = 20
const any = z.record(z.string(), z.unknown())

export function createApi(port: number): Api {
  const base = `http://127.0.0.1:${port}`
  const call = async (path: string, init?: RequestInit): Promise<Record<string, unknown>> => {
    const response = await fetch(new URL(path, base), init)
    const text = await response.text()
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${text.slice(0, 300)}`)
    return any.parse(text === '' ? {} : JSON.parse(text))
  }
  const sqs = (operation: string, input: unknown) =>
    call('/', {
      method: 'POST',
      headers: { 'x-amz-target': `AmazonSQS.${operation}`, 'content-type': 'application/x-amz-json-1.0' },
      body: JSON.stringify(input),
    })
  return {
    async deploy(name, source) {
      const zip = new ZipFile()
      zip.addBuffer(Buffer.from(source), 'index.mjs')
      zip.end()
      const body = JSON.stringify({
        FunctionName: name,
        Runtime: 'nodejs24.x',
        Handler: 'index.handler',
        Role: 'arn:aws:iam::000000000000:role/any',
        Code: { ZipFile: (await buffer(zip.outputStream)).toString('base64') },
      })
      await call('/2015-03-31/functions', { method: 'POST', body })
      while ((await call(`/2015-03-31/functions/${name}/configuration`)).State !== 'Active') await sleep(pollMs)
    },
    async createQueue(name) {
      const { QueueUrl } = await sqs('CreateQueue', { QueueName: name })
      return { url: z.string().parse(QueueUrl), arn: `arn:aws:sqs:us-east-1:000000000000:${name}` }
    },
    async createMapping(functionName, arn, batchSize) {
      const body = JSON.stringify({ FunctionName: functionName, EventSourceArn: arn, BatchSize: batchSize })
      const { UUID } = await call('/2015-03-31/event-source-mappings', { method: 'POST', body })
      const path = `/2015-03-31/event-source-mappings/${z.string().parse(UUID)}`
      while ((await call(path)).State !== 'Enabled') await sleep(pollMs)
    },
    async sendBatch(queueUrl, count) {
      const Entries = Array.from({ length: count }, (_, index) => ({ Id: `${index}`, MessageBody: 'm'.repeat(100) }))
      const { Failed } = await sqs('SendMessageBatch', { QueueUrl: queueUrl, Entries })
      if (Array.isArray(Failed) && Failed.length > 0) throw new Error(JSON.stringify(Failed[0]))
    },
  }
}
