import { ThawError } from '../errors.ts'
import { runtimes, type Runtime } from '../store/records.ts'

/** Runtimes AWS once had and no longer accepts (docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html). */
const deprecated = new Set([
  'dotnet6',
  'dotnetcore1.0',
  'dotnetcore2.0',
  'dotnetcore2.1',
  'dotnetcore3.1',
  'go1.x',
  'java8',
  'nodejs',
  'nodejs4.3',
  'nodejs4.3-edge',
  'nodejs6.10',
  'nodejs8.10',
  'nodejs10.x',
  'nodejs12.x',
  'nodejs14.x',
  'nodejs16.x',
  'nodejs18.x',
  'provided',
  'python2.7',
  'python3.6',
  'python3.7',
  'python3.8',
  'ruby2.5',
  'ruby2.7',
])

/** AWS's that Thaw has no build for: layers made for AWS may name them. */
const foreign = [
  'dotnet8',
  'dotnet10',
  'java8.al2',
  'java8.al2023',
  'java11',
  'java11.al2023',
  'java17',
  'java17.al2023',
  'java21',
  'java25',
  'nodejs20.x',
  'nodejs26.x',
  'provided.al2',
  'provided.al2023',
  'python3.9',
  'python3.10',
  'python3.11',
  'python3.12',
  'python3.13',
  'python3.14',
  'python3.15',
  'ruby3.2',
  'ruby3.3',
  'ruby3.4',
  'ruby4.0',
]

/** What a layer may say that it is compatible with. Nothing follows from it but how layers are listed. */
export const layerRuntimes: readonly [string, ...string[]] = [...runtimes, ...foreign, ...deprecated]

/** Throws `InvalidParameterValue` with AWS's words for a deprecated and for an unknown runtime. */
export function parseRuntime(value: string): Runtime {
  const known = runtimes.find((runtime) => runtime === value)
  if (known !== undefined) return known
  if (deprecated.has(value))
    throw new ThawError(
      'InvalidParameterValue',
      `The runtime parameter of ${value} is no longer supported for creating or updating AWS Lambda functions. We recommend you use a supported runtime while creating or updating functions.`,
    )
  throw new ThawError(
    'InvalidParameterValue',
    `Value ${value} at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [${runtimes.join(', ')}]`,
  )
}
