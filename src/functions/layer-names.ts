/** How requests name layers and their versions. */
import { ThawError } from '../errors.ts'
import { whole, type Scope } from './names.ts'
import { assertNoViolations, constraints, describeViolations } from './violations.ts'

export interface LayerRef {
  accountId: string
  region: string
  layerName: string
}

export interface LayerVersionRef extends LayerRef {
  version: number
}

/** Patterns: docs.aws.amazon.com/lambda/latest/api. */
export const layerNameRule = {
  minLength: 1,
  maxLength: 140,
  pattern: '(arn:[a-zA-Z0-9-]+:lambda:[a-zA-Z0-9-]+:\\d{12}:layer:[a-zA-Z0-9-_]+)|[a-zA-Z0-9-_]+',
}
const versionArnPattern =
  'arn:(aws[a-zA-Z-]*)?:lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:\\d{12}:layer:[a-zA-Z0-9-_]+:[0-9]+'
/** Of `Layers` of a function. The second form is AWS's own layers, of which there are none here. */
const usedArnPattern = `(${versionArnPattern})|(arn:[a-zA-Z0-9-]+:lambda:::awslayer:[a-zA-Z0-9-_]+)`
const usedArn = whole(usedArnPattern)
const versionArn = whole(versionArnPattern)

const parts = /^arn:[^:]*:lambda:(?<region>[^:]*):(?<accountId>\d{12}):layer:(?<layerName>[^:]+)(?::(?<version>\d+))?$/

/** Errors: `Validation`. */
export function parseLayerName(raw: string, scope: Scope): LayerRef {
  const { minLength, maxLength, pattern } = layerNameRule
  const broken = (constraint: string) => [{ path: 'layerName', value: raw, constraint }]
  if (raw.length < minLength) assertNoViolations(broken(constraints.minLength(minLength)))
  if (raw.length > maxLength) assertNoViolations(broken(constraints.maxLength(maxLength)))
  if (!whole(pattern).test(raw)) assertNoViolations(broken(constraints.pattern(pattern)))
  const { region, accountId, layerName } = parts.exec(raw)?.groups ?? {}
  if (region === undefined || accountId === undefined || layerName === undefined) return { ...scope, layerName: raw }
  return { region, accountId, layerName }
}

/** From a path. Errors: `InvalidParameterValue`. */
export function parseLayerVersion(raw: string): number {
  const version = /^-?\d{1,12}$/.test(raw) ? Number(raw) : 0
  if (version < 1) throw new ThawError('InvalidParameterValue', 'Layer Version Cannot be less than 1.')
  return version
}

/** Errors: `Validation`. */
export function parseLayerVersionArn(arn: string): LayerVersionRef {
  const ref = versionArn.test(arn) ? refOf(arn) : undefined
  if (ref !== undefined) return ref
  const constraint = constraints.pattern(versionArnPattern)
  throw new ThawError('Validation', describeViolations([{ path: 'arn', value: arn, constraint }]))
}

/** Of `Layers`. Undefined: a layer of AWS's own. Errors: `Validation`. */
export function parseUsedLayer(arn: string): LayerVersionRef | undefined {
  if (!usedArn.test(arn)) {
    const rules = [constraints.maxLength(2_048), constraints.minLength(1), constraints.pattern(usedArnPattern)]
    const constraint = `Member must satisfy constraint: [${rules.join(', ')}, ${constraints.notNull}]`
    assertNoViolations([{ path: 'layers', value: [arn], constraint }])
  }
  return refOf(arn)
}

function refOf(arn: string): LayerVersionRef | undefined {
  const { region, accountId, layerName, version } = parts.exec(arn)?.groups ?? {}
  if (region === undefined || accountId === undefined || layerName === undefined) return undefined
  return { region, accountId, layerName, version: Number(version) }
}

/** `arn:aws:lambda:<region>:<account>:layer:<name>` */
export const layerArn = ({ region, accountId, layerName }: LayerRef): string =>
  `arn:aws:lambda:${region}:${accountId}:layer:${layerName}`

export const layerVersionArn = (ref: LayerVersionRef): string => `${layerArn(ref)}:${ref.version}`
