import { Command } from 'commander'
import { createClient, faultOf } from './client.ts'
import { endpointOption, jsonOption, type EndpointOptions, type JsonOptions } from './options.ts'
import { functionPath } from './project/deployment.ts'
import { printResult } from './terminal.ts'

export function rmCommand(): Command {
  return new Command('rm')
    .description('delete a function, or one version of it')
    .argument('<name>', 'name or ARN')
    .option('-q, --qualifier <version>', 'this version only')
    .addOption(endpointOption())
    .addOption(jsonOption())
    .action(async (name: string, options: EndpointOptions & JsonOptions & { qualifier?: string }) => {
      const { qualifier } = options
      const answer = await createClient(options.endpoint).send({
        method: 'DELETE',
        path: functionPath(name),
        ...(qualifier === undefined ? {} : { query: { Qualifier: qualifier } }),
      })
      if (answer.status >= 300) throw faultOf(answer)
      const what = qualifier === undefined ? name : `${name}:${qualifier}`
      printResult(options, { deleted: what }, () => [`Deleted ${what}`])
    })
}
