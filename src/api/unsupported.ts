/** What Lambda has and Thaw does not, or not yet: refused by name, never ignored. */
import { ThawError } from '../errors.ts'

/** Why, and what to do instead. Keyed by the request's member. */
const reasons: Readonly<Record<string, string>> = {
  S3Bucket: 'there is no S3 here: upload the package as ZipFile',
  S3Key: 'there is no S3 here: upload the package as ZipFile',
  S3ObjectVersion: 'there is no S3 here: upload the package as ZipFile',
  ImageUri: 'container images do not run here: upload a zip or a component as ZipFile',
  ImageConfig: 'container images do not run here',
  SourceKMSKeyArn: 'there is no KMS here',
  KMSKeyArn: 'there is no KMS here',
  VpcConfig: 'functions have no network of their own',
  FileSystemConfigs: 'functions have no file system',
  CodeSigningConfigArn: 'code signing is not supported',
  TenancyConfig: 'tenant isolation is not configured by function',
  CapacityProviderConfig: 'capacity providers are not supported',
  DurableConfig: 'durable functions are not supported',
  PublishTo: 'there are no capacity providers, and so no $LATEST.PUBLISHED',
  ApplicationLogLevel: 'log levels belong to the JSON log format, which is not supported yet',
  SystemLogLevel: 'log levels belong to the JSON log format, which is not supported yet',
}

/** Throws `InvalidParameterValue` for the first unsupported member that says something. */
export function assertSupported(members: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(members)) {
    const reason = reasons[name]
    if (reason === undefined || saysNothing(value)) continue
    throw new ThawError('InvalidParameterValue', `${name} is not supported: ${reason}.`)
  }
}

/** Tools send empty lists and objects for what they do not use. */
function saysNothing(value: unknown): boolean {
  if (value === undefined || value === null || value === '') return true
  if (typeof value !== 'object') return false
  return Object.values(value).every(saysNothing)
}
