import { Command } from 'commander'
import { createClient } from './client.ts'
import { endpointOption, jsonOption, type EndpointOptions, type JsonOptions } from './options.ts'
import { deployProject, functionPath, openUrl, pointAlias, publishVersion } from './project/deployment.ts'
import { withFrames } from './project/source-frame.ts'
import { packProject } from './project/pack.ts'
import { readProject } from './project/project.ts'
import { bytesText, msText, note, printResult, withProgress } from './terminal.ts'

interface Options extends EndpointOptions, JsonOptions {
  publish?: true
  alias?: string
  url?: true
}

export function deployCommand(): Command {
  return new Command('deploy')
    .description("make a folder's function on the server, or bring it up to date, and wait until it runs")
    .argument('[folder]', 'where its thaw.json is', '.')
    .option('--publish', 'publish a version')
    .option('--alias <name>', 'publish a version and point this alias at it')
    .option('--url', 'give it a function URL that anybody may call ("url": true in thaw.json)')
    .addOption(endpointOption())
    .addOption(jsonOption())
    .action(async (folder: string, options: Options) => {
      const began = performance.now()
      const client = createClient(options.endpoint)
      const project = readProject(folder)
      const { name } = project
      const zip = await packProject(project)
      const deployed = await withProgress(
        `Deploying ${name}`,
        withFrames(project.folder, deployProject(client, project, zip)),
      )
      for (const warning of deployed.BuildWarnings) note(`warning: ${warning}`)
      const isPublished = options.publish === true || options.alias !== undefined
      const version = isPublished ? await withProgress(`Publishing ${name}`, publishVersion(client, name)) : undefined
      if (options.alias !== undefined && version !== undefined) await pointAlias(client, name, options.alias, version)
      const functionUrl = project.url || options.url === true ? await openUrl(client, name) : undefined
      const result = {
        name,
        arn: deployed.FunctionArn,
        version: version ?? deployed.Version,
        alias: options.alias,
        packageBytes: zip.length,
        durationMs: Math.round(performance.now() - began),
        warnings: deployed.BuildWarnings,
        invokeUrl: `${client.endpoint}${functionPath(name, '/invocations')}`,
        functionUrl,
      }
      printResult(options, result, () => [
        `Deployed ${name}${version === undefined ? '' : ` version ${version}`}${options.alias === undefined ? '' : ` as ${options.alias}`} (${bytesText(zip.length)}) in ${msText(result.durationMs)}`,
        `Invoke  ${result.invokeUrl}`,
        ...(functionUrl === undefined ? [] : [`URL     ${functionUrl}`]),
      ])
    })
}
