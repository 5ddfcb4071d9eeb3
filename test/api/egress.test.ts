/** Thaw's own member of a function's configuration: where its requests may go. */
import {
  UpdateFunctionConfigurationCommand,
  type UpdateFunctionConfigurationCommandInput,
} from '@aws-sdk/client-lambda'
import { expect, it } from 'vitest'
import { createActive, F, publishVersion } from './prepared.ts'
import { startApi, type ApiServer } from './server.ts'

const Egress = { Allow: ['https://api.example.com', '*.example.org:8443'] }
const configure = async (api: ApiServer, change: Record<string, unknown>) => {
  const answer = await api.request('PUT', `${F}/f/configuration`, change)
  await api.functions.idle()
  return answer
}
const specs = (api: ApiServer) =>
  api.dataPlane.changes.flatMap((change) => ('put' in change ? [[change.put.version, change.put.egress]] : []))

it('is shown wherever a configuration is, kept by versions, and cleared', async () => {
  await using api = await startApi()
  expect((await createActive(api, 'f', { Egress })).body).toMatchObject({ Egress })
  expect((await publishVersion(api, 'f')).body).toMatchObject({ Version: '1', Egress })
  expect((await configure(api, { Description: 'other' })).body).toMatchObject({ Egress })
  expect((await configure(api, { Egress: { Allow: [] } })).body).not.toHaveProperty('Egress')

  expect((await api.request('GET', `${F}/f/configuration`)).body).not.toHaveProperty('Egress')
  expect((await api.request('GET', `${F}/f/configuration?Qualifier=1`)).body).toMatchObject({ Egress })
  expect((await api.request('GET', `${F}/f:1`)).body).toMatchObject({ Configuration: { Egress } })
  const versions = { Versions: [{ Version: '$LATEST' }, { Version: '1', Egress }] }
  expect((await api.request('GET', `${F}/f/versions`)).body).toMatchObject(versions)
  expect((await api.request('GET', `${F}?FunctionVersion=ALL`)).body).toMatchObject({ Functions: versions.Versions })

  // Deployed anew by each change, but built once.
  expect(specs(api)).toEqual([
    ['$LATEST', Egress.Allow],
    ['1', Egress.Allow],
    ['$LATEST', Egress.Allow],
    ['$LATEST', []],
  ])
  expect(api.builder.requests).toHaveLength(1)
  // Another configuration is another version.
  expect((await publishVersion(api, 'f')).body).toMatchObject({ Version: '2' })
})

it('is emptied by an empty object too, as the environment', async () => {
  await using api = await startApi()
  await createActive(api, 'f', { Egress })
  expect((await configure(api, { Egress: {} })).body).not.toHaveProperty('Egress')
})

it.each([
  [{ Allow: ['https://a.example', 'ftp://b.example'] }, 'InvalidParameterValueException', 'ftp://b.example'],
  [
    { Allow: Array.from({ length: 1_000 }, (_, index) => `h${index}.example`) },
    'InvalidParameterValueException',
    '1000',
  ],
  [{ Allow: 'https://a.example' }, 'InvalidRequestContentException', 'egress.allow'],
  [{ Allow: [7] }, 'InvalidRequestContentException', 'egress.allow'],
])('is refused, and nothing changed, for what is no allow-list', async (wrong, type, message) => {
  await using api = await startApi()
  await createActive(api, 'f', { Egress })
  const { status, headers, body } = await configure(api, { Egress: wrong })
  expect([status, headers.get('x-amzn-errortype')]).toEqual([400, type])
  expect(body).toMatchObject({ message: expect.stringContaining(message) })
  expect((await api.request('GET', `${F}/f/configuration`)).body).toMatchObject({ Egress })
})

it('the official client takes answers that have it', async () => {
  await using api = await startApi()
  await createActive(api, 'f', { Egress })
  const input: UpdateFunctionConfigurationCommandInput = { FunctionName: 'f', Timeout: 5 }
  const answer = await api.client.send(new UpdateFunctionConfigurationCommand(input))
  expect(answer.Timeout).toBe(5)
})

it('the size of /tmp goes to the workers as well', async () => {
  await using api = await startApi()
  await createActive(api, 'f', { EphemeralStorage: { Size: 1_024 } })
  const sizes = api.dataPlane.changes.flatMap((change) => ('put' in change ? [change.put.ephemeralStorageMb] : []))
  expect(sizes).toEqual([1_024])
})
