/** node:os: what a function may know of its machine. */
const { process } = require('../process.js')

const memory = () => Number(process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE ?? 128) * 1_048_576

module.exports = {
  EOL: '\n',
  devNull: '/dev/null',
  arch: () => process.arch,
  platform: () => process.platform,
  type: () => 'Linux',
  release: () => '0.0.0',
  version: () => 'Thaw',
  machine: () => process.arch,
  hostname: () => 'localhost',
  homedir: () => '/root',
  tmpdir: () => '/tmp',
  endianness: () => 'LE',
  uptime: () => process.uptime(),
  totalmem: memory,
  freemem: memory,
  availableParallelism: () => 1,
  cpus: () => [{ model: 'WebAssembly', speed: 0, times: { user: 0, nice: 0, sys: 0, idle: 0, irq: 0 } }],
  loadavg: () => [0, 0, 0],
  networkInterfaces: () => ({}),
  userInfo: () => ({ uid: -1, gid: -1, username: 'root', homedir: '/root', shell: null }),
  constants: { signals: {}, errno: {}, priority: {} },
}
