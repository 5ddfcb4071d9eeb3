/** Statements of resource policies: from AddPermission's members to what AWS writes, and whom they let in. */
import { ThawError } from '../../errors.ts'
import { isAllowed } from '../../identity/policy.ts'
import type { Policy, Principal, Statement } from '../../store/policies.ts'

/** AddPermission, shapes checked. */
export interface PermissionInput {
  statementId: string
  action: string
  principal: string
  sourceArn: string | undefined
  sourceAccount: string | undefined
  eventSourceToken: string | undefined
  principalOrgId: string | undefined
  functionUrlAuthType: 'NONE' | 'AWS_IAM' | undefined
  invokedViaFunctionUrl: boolean | undefined
}

const urlAuthType = 'lambda:FunctionUrlAuthType'
const invokeUrl = 'lambda:InvokeFunctionUrl'
const invalid = (message: string) => new ThawError('InvalidParameterValue', message)

/** @param resource the ARN that the policy belongs to */
export function newStatement(input: PermissionInput, resource: string): Statement {
  const { action, functionUrlAuthType, invokedViaFunctionUrl, eventSourceToken, sourceArn, sourceAccount } = input
  if (functionUrlAuthType !== undefined && action !== invokeUrl)
    throw invalid('FunctionUrlAuthType is only supported for lambda:InvokeFunctionUrl action')
  if (invokedViaFunctionUrl !== undefined && action !== 'lambda:InvokeFunction')
    throw invalid('InvokedViaFunctionUrl is only supported for lambda:InvokeFunction action')
  if (eventSourceToken !== undefined && (sourceArn !== undefined || sourceAccount !== undefined))
    throw invalid('EventSourceToken cannot be combined with SourceArn or SourceAccount')
  const stringEquals = defined({
    [urlAuthType]: functionUrlAuthType,
    'aws:PrincipalOrgID': input.principalOrgId,
    'AWS:SourceAccount': sourceAccount,
    'lambda:EventSourceToken': eventSourceToken,
  })
  const conditions = {
    StringEquals: stringEquals,
    ArnLike: defined({ 'AWS:SourceArn': sourceArn }),
    Bool: defined({ 'lambda:InvokedViaFunctionUrl': invokedViaFunctionUrl?.toString() }),
  }
  const used = Object.entries(conditions).filter(([, operands]) => Object.keys(operands).length > 0)
  return {
    Sid: input.statementId,
    Effect: 'Allow',
    Principal: parsePrincipal(input.principal),
    Action: action,
    Resource: resource,
    ...(used.length === 0 ? {} : { Condition: Object.fromEntries(used) }),
  }
}

function parsePrincipal(principal: string): Principal {
  if (principal === '*') return '*'
  if (/^\d{12}$/.test(principal)) return { AWS: `arn:aws:iam::${principal}:root` }
  if (/^arn:aws[a-zA-Z-]*:(iam|sts)::\d{12}:.+$/.test(principal)) return { AWS: principal }
  // amazon.com: Alexa's services.
  if (/^[a-z0-9-]+(\.[a-z0-9-]+)*\.(amazonaws\.com(\.cn)?|amazon\.com)$/.test(principal)) return { Service: principal }
  throw invalid('The provided principal was invalid. Please check the principal and try again.')
}

/** The policy as GetPolicy shows it. Its length is what AWS limits. */
export const policyText = (statements: readonly Statement[]): string =>
  JSON.stringify({ Version: '2012-10-17', Id: 'default', Statement: statements })

/** Whether a function URL without authentication lets everybody in. `resource`: the ARN that the URL belongs to. */
export const isPublicUrl = (policy: Policy | undefined, resource: string): boolean =>
  isAllowed(policy?.statements ?? [], {
    principal: 'anonymous',
    action: invokeUrl,
    resource,
    context: { [urlAuthType]: 'NONE' },
  })

const defined = (members: Record<string, string | undefined>): Record<string, string> =>
  Object.fromEntries(Object.entries(members).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])))
