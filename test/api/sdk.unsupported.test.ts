/** What the model has and Thaw does not, through the official client: each answer says so. */
import {
  CheckpointDurableExecutionCommand,
  CreateCapacityProviderCommand,
  CreateCodeSigningConfigCommand,
  DeleteCapacityProviderCommand,
  DeleteCodeSigningConfigCommand,
  DeleteFunctionCodeSigningConfigCommand,
  DeleteResourcePolicyCommand,
  GetCapacityProviderCommand,
  GetCodeSigningConfigCommand,
  GetDurableExecutionCommand,
  GetDurableExecutionHistoryCommand,
  GetDurableExecutionStateCommand,
  GetFunctionScalingConfigCommand,
  GetResourcePolicyCommand,
  ListCapacityProvidersCommand,
  ListCodeSigningConfigsCommand,
  ListDurableExecutionsByFunctionCommand,
  ListFunctionsByCodeSigningConfigCommand,
  ListFunctionVersionsByCapacityProviderCommand,
  PutFunctionCodeSigningConfigCommand,
  PutFunctionScalingConfigCommand,
  PutResourcePolicyCommand,
  SendDurableExecutionCallbackFailureCommand,
  SendDurableExecutionCallbackHeartbeatCommand,
  SendDurableExecutionCallbackSuccessCommand,
  StopDurableExecutionCommand,
  UpdateCapacityProviderCommand,
  UpdateCodeSigningConfigCommand,
  type LambdaClient,
} from '@aws-sdk/client-lambda'
import { expect, it } from 'vitest'
import { startApi } from './server.ts'

const FunctionName = 'f'
const CapacityProviderName = 'p'
const CodeSigningConfigArn = 'arn:aws:lambda:us-east-1:111111111111:code-signing-config:csc-0123456789abcdef0'
const DurableExecutionArn = 'arn:aws:lambda:us-east-1:111111111111:function:f:1/durable-execution/e/i'
const ResourceArn = 'arn:aws:lambda:us-east-1:111111111111:function:f'
const CallbackId = 'Q2FsbGJhY2s='
const AllowedPublishers = {
  SigningProfileVersionArns: ['arn:aws:signer:us-east-1:111111111111:/signing-profiles/p/v'],
}

const codeSigning: ((client: LambdaClient) => Promise<unknown>)[] = [
  (client) => client.send(new CreateCodeSigningConfigCommand({ AllowedPublishers })),
  (client) => client.send(new GetCodeSigningConfigCommand({ CodeSigningConfigArn })),
  (client) => client.send(new ListCodeSigningConfigsCommand({})),
  (client) => client.send(new UpdateCodeSigningConfigCommand({ CodeSigningConfigArn })),
  (client) => client.send(new DeleteCodeSigningConfigCommand({ CodeSigningConfigArn })),
  (client) => client.send(new ListFunctionsByCodeSigningConfigCommand({ CodeSigningConfigArn })),
  (client) => client.send(new PutFunctionCodeSigningConfigCommand({ FunctionName, CodeSigningConfigArn })),
  (client) => client.send(new DeleteFunctionCodeSigningConfigCommand({ FunctionName })),
]

const capacity: typeof codeSigning = [
  (client) =>
    client.send(
      new CreateCapacityProviderCommand({
        CapacityProviderName,
        VpcConfig: { SubnetIds: [], SecurityGroupIds: [] },
        PermissionsConfig: { CapacityProviderOperatorRoleArn: 'arn:aws:iam::111111111111:role/r' },
      }),
    ),
  (client) => client.send(new GetCapacityProviderCommand({ CapacityProviderName })),
  (client) => client.send(new UpdateCapacityProviderCommand({ CapacityProviderName })),
  (client) => client.send(new DeleteCapacityProviderCommand({ CapacityProviderName })),
  (client) => client.send(new ListCapacityProvidersCommand({})),
  (client) => client.send(new ListFunctionVersionsByCapacityProviderCommand({ CapacityProviderName })),
  (client) => client.send(new PutFunctionScalingConfigCommand({ FunctionName, Qualifier: '1' })),
  (client) => client.send(new GetFunctionScalingConfigCommand({ FunctionName, Qualifier: '1' })),
]

const durable: typeof codeSigning = [
  (client) => client.send(new CheckpointDurableExecutionCommand({ DurableExecutionArn, CheckpointToken: 't' })),
  (client) => client.send(new GetDurableExecutionCommand({ DurableExecutionArn })),
  (client) => client.send(new GetDurableExecutionHistoryCommand({ DurableExecutionArn })),
  (client) => client.send(new GetDurableExecutionStateCommand({ DurableExecutionArn, CheckpointToken: 't' })),
  (client) => client.send(new ListDurableExecutionsByFunctionCommand({ FunctionName })),
  (client) => client.send(new SendDurableExecutionCallbackSuccessCommand({ CallbackId })),
  (client) => client.send(new SendDurableExecutionCallbackFailureCommand({ CallbackId })),
  (client) => client.send(new SendDurableExecutionCallbackHeartbeatCommand({ CallbackId })),
  (client) => client.send(new StopDurableExecutionCommand({ DurableExecutionArn })),
]

const policies: typeof codeSigning = [
  (client) => client.send(new GetResourcePolicyCommand({ ResourceArn })),
  (client) => client.send(new PutResourcePolicyCommand({ ResourceArn, Policy: '{}' })),
  (client) => client.send(new DeleteResourcePolicyCommand({ ResourceArn })),
]

it.each([
  ['Code signing is not supported by Thaw: ', codeSigning],
  ['A capacity provider is not supported by Thaw: ', capacity],
  ['Durable execution is not supported by Thaw: ', durable],
  ['A resource policy as a document is not supported by Thaw: ', policies],
])('%s…', async (message, calls) => {
  await using api = await startApi()
  for (const call of calls)
    await expect(call(api.client)).rejects.toMatchObject({
      name: 'InvalidParameterValueException',
      message: expect.stringContaining(message),
    })
})
