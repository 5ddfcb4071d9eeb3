import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { Command, Option } from 'commander'
import { ThawError } from '../errors.ts'
import { jsonOption, type JsonOptions } from './options.ts'
import { nameOf } from './project/project.ts'
import { printResult } from './terminal.ts'

const templatesFolder = join(import.meta.dirname, 'templates')

/** Ends the name of what this repository's own tools are not to take for theirs. */
const suffix = '.template'

/** What stands for the function's name in a template. */
const namePlaceholder = '__NAME__'

const templates = readdirSync(templatesFolder)

interface Options extends JsonOptions {
  template: string
  name?: string
}

export function initCommand(): Command {
  return new Command('init')
    .description('begin a function in a folder')
    .argument('[folder]', 'is made if it is not there', '.')
    .addOption(new Option('-t, --template <kind>', 'what to begin with').choices(templates).default('event'))
    .option('--name <name>', "the function's name; the folder's if left out")
    .addOption(jsonOption())
    .action((given: string, options: Options) => {
      const folder = resolve(given)
      const name = options.name ?? nameOf(folder)
      const files = write(join(templatesFolder, options.template), folder, name)
      const here = relative(process.cwd(), folder) || '.'
      printResult(options, { folder, name, template: options.template, files }, () => [
        `Made ${name} in ${here}: ${files.join(', ')}`,
        'Go on with',
        ...(here === '.' ? [] : [`  cd ${here}`]),
        ...(needsInstall(folder) ? ['  npm install'] : []),
        '  thaw dev',
      ])
    })
}

/** Throws `Config` if a file is there already: then nothing is written. */
function write(template: string, folder: string, name: string): string[] {
  const files = readdirSync(template, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(template, join(entry.parentPath, entry.name)))
    .map((source) => ({ source, file: source.endsWith(suffix) ? source.slice(0, -suffix.length) : source }))
    .toSorted((a, b) => (a.file < b.file ? -1 : 1))
  const taken = files.map(({ file }) => file).find((file) => existsSync(join(folder, file)))
  if (taken !== undefined) throw new ThawError('Config', `${join(folder, taken)} is there already; nothing was written`)
  mkdirSync(folder, { recursive: true })
  for (const { source, file } of files) {
    const target = join(folder, file)
    mkdirSync(dirname(target), { recursive: true })
    writeFileSync(target, readFileSync(join(template, source), 'utf8').replaceAll(namePlaceholder, name))
  }
  return files.map(({ file }) => file)
}

function needsInstall(folder: string): boolean {
  const path = join(folder, 'package.json')
  return existsSync(path) && readFileSync(path, 'utf8').includes('"dependencies"')
}
