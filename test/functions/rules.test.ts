import { expect, it } from 'vitest'
import { temporaryFolder } from '../store/temp.ts'
import { accountId, createControlPlane, creation } from './fakes.ts'

type Creation = ReturnType<typeof creation>

const refused: [what: string, name: string, input: Partial<Creation>, code: string, message: RegExp][] = [
  [
    'a name over 64',
    'a'.repeat(65),
    {},
    'InvalidParameterValue',
    /^1 validation error detected: Value 'a{65}' at 'functionName' .* less than or equal to 64$/,
  ],
  [
    'another account',
    '222222222222:function:f',
    {},
    'InvalidParameterValue',
    /cannot create functions in 222222222222/,
  ],
  [
    'another region',
    'arn:aws:lambda:eu-west-1:111111111111:function:f',
    {},
    'ResourceNotFound',
    /^Functions from 'eu-west-1' are not reachable in this region \('us-east-1'\)$/,
  ],
  ['no runtime', 'f', { runtime: undefined }, 'InvalidParameterValue', /^Runtime and Handler are mandatory/],
  ['no handler', 'f', { handler: undefined }, 'InvalidParameterValue', /^Runtime and Handler are mandatory/],
  ['no role', 'f', { role: undefined }, 'InvalidParameterValue', /Role/],
  [
    'a deprecated runtime',
    'f',
    { runtime: 'nodejs12.x' },
    'InvalidParameterValue',
    /^The runtime parameter of nodejs12.x is no longer supported/,
  ],
  [
    'an unknown runtime',
    'f',
    { runtime: 'cobol' },
    'InvalidParameterValue',
    /^Value cobol at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: \[nodejs24.x, nodejs22.x, assemblyscript, provided.component\]$/,
  ],
  ['no package', 'f', { zipFile: undefined }, 'InvalidParameterValue', /^Please provide a source for function code\.$/],
  ['an empty package', 'f', { zipFile: Buffer.alloc(0) }, 'InvalidParameterValue', /non-empty zip/],
  [
    'a package that is no zip',
    'f',
    { zipFile: Buffer.from('hello') },
    'InvalidParameterValue',
    /^Could not unzip uploaded file/,
  ],
  [
    'a package over the limit',
    'f',
    { zipFile: Buffer.concat([Buffer.from('PK'), Buffer.alloc(1_000)]) },
    'InvalidParameterValue',
    /smaller than 1000 bytes, this one has 1002/,
  ],
  [
    'a reserved variable',
    'f',
    { environment: { A: 'b', AWS_REGION: 'x' } },
    'InvalidParameterValue',
    /Reserved keys used in this request: AWS_REGION$/,
  ],
  [
    'too large an environment',
    'f',
    { environment: { A: 'x'.repeat(4_096) } },
    'InvalidParameterValue',
    /exceeded the 4KB limit. String measured: 4104 bytes$/,
  ],
]

it.each(refused)('refuses %s', async (_what, name, input, code, message) => {
  await using plane = await createControlPlane(await temporaryFolder(), { limits: { zipBytes: 1_000 } })
  const created = plane.functions.create(accountId, name, creation(input))
  await expect(created).rejects.toMatchObject({ code, message: expect.stringMatching(message) })
  expect(await plane.store.usage(accountId)).toEqual({ functionCount: 0, codeBytes: 0 })
})

it.each(['assemblyscript', 'provided.component'])('leaves what %s packages are to the build', async (runtime) => {
  await using plane = await createControlPlane(await temporaryFolder())
  const created = await plane.functions.create(accountId, 'f', creation({ runtime, zipFile: Buffer.from('\0asm') }))
  expect(created.state.name).toBe('Pending')
})

it('refuses a name that is taken', async () => {
  await using plane = await createControlPlane(await temporaryFolder())
  await plane.functions.create(accountId, 'f', creation())
  const again = plane.functions.create(accountId, 'arn:aws:lambda:us-east-1:111111111111:function:f', creation())
  await expect(again).rejects.toMatchObject({ code: 'ResourceConflict', message: 'Function already exist: f' })
})

it('gives AWS defaults', async () => {
  await using plane = await createControlPlane(await temporaryFolder())
  const { configuration } = await plane.functions.create(accountId, 'f', creation())
  expect(configuration).toEqual({
    runtime: 'nodejs24.x',
    handler: 'index.handler',
    role: 'arn:aws:iam::111111111111:role/r',
    description: '',
    timeoutSeconds: 3,
    memoryMb: 128,
    environment: undefined,
    architecture: 'x86_64',
    ephemeralStorageMb: 512,
    tracingMode: 'PassThrough',
    snapStartApplyOn: 'None',
    logGroup: '/aws/lambda/f',
  })
})
