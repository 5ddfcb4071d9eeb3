#!/usr/bin/env node
/**
 * The command `thaw`. This file runs on any Node from 14 on; all else needs Node 26, which `npm install` brings along
 * (the packages under optionalDependencies) and which is then started in this one's place.
 */
import { spawn } from 'child_process'
import { existsSync } from 'fs'
import module from 'module'
import { homedir } from 'os'
import { dirname, join, resolve } from 'path'
import { fileURLToPath } from 'url'

const needed = 26
const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

if (Number(process.versions.node.split('.')[0]) >= needed) {
  // Stripping types and compiling is most of what a command takes: half a second without, a fifth with it.
  module.enableCompileCache?.(join(cacheDir(), 'code'))
  void import('./main.ts').then(({ main }) => main(process.argv))
} else {
  const bundled = join(root, 'node_modules', '.bin', process.platform === 'win32' ? 'node.cmd' : 'node')
  // Started by the bundled Node and still too old: it is the wrong one, and would start itself for ever.
  if (existsSync(bundled) && process.env.THAW_LAUNCHER === undefined) launch(bundled)
  else refuse()
}

/** As project/user-cache.ts, which cannot be loaded before it is known where from. */
function cacheDir() {
  const { THAW_CACHE, XDG_CACHE_HOME } = process.env
  return THAW_CACHE ? resolve(THAW_CACHE) : join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'thaw')
}

function launch(node) {
  let child
  // Before there is a child: a signal that comes in between would end this process and not that one.
  const forward = (signal) => child.kill(signal)
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, forward)
  child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    // The channel says nothing; that it closes says that this process was killed.
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, THAW_LAUNCHER: String(process.pid) },
  })
  child.on('error', refuse)
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code)
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.removeListener(name, forward)
    process.kill(process.pid, signal)
  })
}

function refuse() {
  console.error(
    `thaw needs Node ${needed}, this is ${process.versions.node}: run "npm install" in ${root} (it brings Node ${needed} along), or start thaw with Node ${needed}.`,
  )
  process.exit(1)
}
