import { Command } from 'commander'
import { z } from 'zod'
import { configFromEnvironment } from '../config.ts'
import { callAdmin, type CallAdmin } from './account-admin.ts'

const accountSchema = z.object({
  accountId: z.string(),
  name: z.string(),
  createdAt: z.string(),
  disabled: z.boolean(),
})
const keySchema = z.object({ accessKeyId: z.string(), accountId: z.string(), secret: z.string() })
const listedKeySchema = z.object({ accessKeyId: z.string(), accountId: z.string(), createdAt: z.string() })

interface Options {
  data?: string
  json?: true
}

/** Accounts and their access keys. While a server runs on the folder, what is done here is in force there at once. */
export function accountCommand(): Command {
  const account = new Command('account').description('accounts and their access keys')
  const key = new Command('key').description('access keys')
  return account
    .addCommand(
      common('create', 'make an account, with an access key')
        .option('--name <name>', 'what to call it')
        .option('--id <digits>', '12 digits; one that is free if left out')
        .action(async (options: Options & { name?: string; id?: string }) => {
          const answer = await callerOf(options)('POST', '/accounts', { name: options.name, accountId: options.id })
          const created = z.object({ account: accountSchema, key: keySchema }).parse(answer)
          print(options, created, () => [`Account ${created.account.accountId}`, ...secretLines(created.key)])
        }),
    )
    .addCommand(
      common('ls', 'list accounts').action(async (options: Options) => {
        const accounts = z.array(accountSchema).parse(await callerOf(options)('GET', '/accounts'))
        print(options, accounts, () =>
          accounts.map(({ accountId, createdAt, disabled, name }) =>
            [accountId, createdAt, disabled ? 'disabled' : 'enabled ', name].join('  ').trimEnd(),
          ),
        )
      }),
    )
    .addCommand(toggle('disable', 'refuse what its keys sign', 'disabled'))
    .addCommand(toggle('enable', 'take what its keys sign', 'enabled'))
    .addCommand(
      key
        .addCommand(
          common('create', 'make an access key')
            .argument('<account>')
            .action(async (accountId: string, options: Options) => {
              const made = keySchema.parse(await callerOf(options)('POST', `/accounts/${escape(accountId)}/keys`))
              print(options, made, () => secretLines(made))
            }),
        )
        .addCommand(
          common('ls', 'list access keys, without their secrets')
            .argument('[account]')
            .action(async (accountId: string | undefined, options: Options) => {
              const path = accountId === undefined ? '/keys' : `/accounts/${escape(accountId)}/keys`
              const keys = z.array(listedKeySchema).parse(await callerOf(options)('GET', path))
              print(options, keys, () => keys.map((one) => `${one.accessKeyId}  ${one.accountId}  ${one.createdAt}`))
            }),
        )
        .addCommand(
          common('rm', 'remove an access key')
            .argument('<key>')
            .action(async (accessKeyId: string, options: Options) => {
              const answer = await callerOf(options)('DELETE', `/keys/${escape(accessKeyId)}`)
              print(options, answer, () => [`Removed ${accessKeyId}`])
            }),
        ),
    )
}

function common(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .option('--data <folder>', "the server's data folder (THAW_DATA)")
    .option('--json', 'print JSON')
}

function toggle(name: string, description: string, done: string): Command {
  return common(name, description)
    .argument('<account>')
    .action(async (accountId: string, options: Options) => {
      const changed = accountSchema.parse(await callerOf(options)('POST', `/accounts/${escape(accountId)}/${name}`))
      print(options, changed, () => [`Account ${accountId} is ${done}`])
    })
}

function callerOf({ data }: Options): CallAdmin {
  const config = configFromEnvironment(process.env, data === undefined ? {} : { dataDir: data })
  return (...call) => callAdmin(config, ...call)
}

function print({ json }: Options, value: unknown, lines: () => string[]): void {
  const text = json === true ? [JSON.stringify(value, undefined, 2)] : lines()
  process.stdout.write(text.map((line) => `${line}\n`).join(''))
}

/** To be pasted into a shell. */
function secretLines({ accessKeyId, secret }: z.infer<typeof keySchema>): string[] {
  return [
    `export AWS_ACCESS_KEY_ID=${accessKeyId}`,
    `export AWS_SECRET_ACCESS_KEY=${secret}`,
    '# The secret is not shown again.',
  ]
}

const escape = (segment: string): string => encodeURIComponent(segment)
