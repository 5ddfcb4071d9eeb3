import { Argument, Command } from 'commander'
import { print } from './terminal.ts'

const shells = ['bash', 'zsh', 'fish'] as const

/** `program`: with all its commands, when it is asked for. */
export function completionCommand(program: () => Command): Command {
  return new Command('completion')
    .description('print a script that completes commands and options in a shell')
    .addArgument(new Argument('<shell>').choices(shells))
    .addHelpText(
      'after',
      `
  bash   thaw completion bash > ~/.local/share/bash-completion/completions/thaw
  zsh    thaw completion zsh > "\${fpath[1]}/_thaw"
  fish   thaw completion fish > ~/.config/fish/completions/thaw.fish`,
    )
    .action((shell: (typeof shells)[number]) => {
      print({ bash, zsh, fish }[shell](nodesOf(program())))
    })
}

interface Node {
  /** `account key create`; empty for the program itself. */
  path: string
  words: { word: string; description: string; values: readonly string[] }[]
}

/** The command tree: what may come after each command. */
function nodesOf(command: Command, path = ''): Node[] {
  const subcommands = command.commands.filter((one) => one.name() !== 'help')
  const options = command.options
    .filter(({ hidden }) => !hidden)
    .map(({ long, short, description, argChoices }) => ({
      word: long ?? short ?? '',
      description,
      values: argChoices ?? [],
    }))
  const values = command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? [])
  const words = [
    ...subcommands.map((one) => ({ word: one.name(), description: one.description(), values: [] })),
    ...values.map((word) => ({ word, description: '', values: [] })),
    ...options,
    { word: '--help', description: 'help for the command', values: [] },
  ]
  const own: Node = { path, words }
  return [own, ...subcommands.flatMap((one) => nodesOf(one, `${path} ${one.name()}`.trim()))]
}

/** For a shell: in single quotes. */
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`

/** Cases of a shell's `case`: what may follow each command, and what an option with choices takes. */
function cases(nodes: readonly Node[], shown: (words: Node['words']) => string): string {
  return nodes.map(({ path, words }) => `    ${quoted(path)}) ${shown(words)} ;;`).join('\n')
}
function choiceCases(nodes: readonly Node[], shown: (values: readonly string[]) => string): string {
  return nodes
    .flatMap(({ path, words }) =>
      words.flatMap(({ word, values }) =>
        values.length === 0 ? [] : [`    ${quoted(`${path} ${word}`)}) ${shown(values)} ;;`],
      ),
    )
    .join('\n')
}

/** All three find the deepest command on the line, then offer its words, or those that the last option takes. */
function bash(nodes: readonly Node[]): string {
  return `_thaw() {
  local at='' next word words=''
  COMPREPLY=()
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    next="\${at:+$at }$word"
    case "$next" in
      ${nodes.map(({ path }) => quoted(path)).join('|')}) at="$next" ;;
    esac
  done
  case "$at" in
${cases(nodes, (words) => `words=${quoted(words.map(({ word }) => word).join(' '))}`)}
  esac
  case "$at \${COMP_WORDS[COMP_CWORD-1]}" in
${choiceCases(nodes, (values) => `words=${quoted(values.join(' '))}`)}
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}")
}
complete -o default -F _thaw thaw`
}

function zsh(nodes: readonly Node[]): string {
  const described = (words: Node['words']): string =>
    words.map(({ word, description }) => quoted(`${word}:${description}`)).join(' ')
  return `#compdef thaw
_thaw() {
  local at='' next word
  local -a offered
  for word in "\${(@)words[2,CURRENT-1]}"; do
    next="\${at:+$at }$word"
    case "$next" in
      ${nodes.map(({ path }) => quoted(path)).join('|')}) at="$next" ;;
    esac
  done
  case "$at" in
${cases(nodes, (words) => `offered=(${described(words)})`)}
  esac
  case "$at \${words[CURRENT-1]}" in
${choiceCases(nodes, (values) => `offered=(${values.map(quoted).join(' ')})`)}
  esac
  _describe thaw offered || _files
}
if [ "$funcstack[1]" = _thaw ]; then _thaw "$@"; else compdef _thaw thaw; fi`
}

function fish(nodes: readonly Node[]): string {
  const escaped = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
  const lines = nodes.flatMap(({ path, words }) =>
    words.map(({ word, description, values }) => {
      const offered = word.startsWith('--') ? `-l ${word.slice(2)}` : `-a ${word}`
      const given = values.length === 0 ? '' : ` -x -a ${escaped(values.join(' '))}`
      const told = description === '' ? '' : ` -d ${escaped(description)}`
      return `complete -c thaw -n ${escaped(`__thaw_at ${path}`.trim())} ${offered}${given}${told}`
    }),
  )
  return `function __thaw_at
  set -l at ''
  for word in (commandline -opc)[2..-1]
    set -l next (string trim -- "$at $word")
    contains -- $next ${nodes.flatMap(({ path }) => (path === '' ? [] : [escaped(path)])).join(' ')}; and set at $next
  end
  test "$at" = "$argv"
end
${lines.join('\n')}`
}
