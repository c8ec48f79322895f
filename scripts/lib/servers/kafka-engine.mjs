// The native Kafka client. It takes minutes to build, so it is no dependency of the project but lies in the cache.
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { root, say, step } from '../run.mjs'
import { aptInstall } from './apt.mjs'
import { cached } from './cache.mjs'

const recipe = join(root, 'test', 'servers', 'kafka-engine')
const name = '@confluentinc/kafka-javascript'
const version = JSON.parse(readFileSync(join(recipe, 'package.json'), 'utf8')).dependencies[name]
const toBuildIt = [
  ...['g++', 'make', 'python3', 'libssl-dev', 'zlib1g-dev', 'libzstd-dev', 'liblz4-dev'],
  ...['libcurl4-openssl-dev', 'libsasl2-dev'],
]

/** Installs the native Kafka client for this version of Node, and says where it is. */
export function setUpKafkaEngine() {
  const { arch, platform, versions } = process
  const folder = cached(`kafka-engine-${version}-${platform}-${arch}-abi${versions.modules}`, install)
  const { librdkafka } = JSON.parse(readFileSync(join(folder, 'node_modules', name, 'package.json'), 'utf8'))
  return { folder, name, version, librdkafka }
}

function install(folder) {
  cpSync(recipe, folder, { recursive: true })
  say(`Installing ${name} ${version} …`)
  step('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: folder })
  if (!fetchBinary(folder)) buildBinary(folder)
  const loads = spawnSync(process.execPath, ['-e', `require('${name}')`], {
    cwd: folder,
    stdio: ['ignore', 2, 2],
  })
  if (loads.status !== 0) throw new Error(`${name} was installed but cannot be loaded`)
}

/** The maker publishes binaries, which not every network reaches. */
function fetchBinary(folder) {
  const tool = join(folder, 'node_modules', '@mapbox', 'node-pre-gyp', 'bin', 'node-pre-gyp')
  const cwd = join(folder, 'node_modules', name)
  return spawnSync(process.execPath, [tool, 'install'], { cwd, stdio: 'ignore' }).status === 0
}

function buildBinary(folder) {
  aptInstall(toBuildIt, `what ${name} is built with`)
  say('There is no binary to fetch: building it from its source, one or two minutes …')
  // Two jobs at a time run into each other here. Static linking would fetch the libraries from elsewhere.
  const { JOBS: _jobs, ...others } = process.env
  const path = [dirname(process.execPath), process.env.PATH].join(delimiter) // npm, too, is to run on this Node
  const env = { ...others, PATH: path, CKJS_LINKING: 'dynamic', npm_config_nodedir: findHeaders(folder) }
  step('npm', ['rebuild', name, '--loglevel=error'], { cwd: folder, env })
  prune(folder)
}

/** The headers of this Node are often beside it. A Node that came from npm without them has them in another package. */
function findHeaders(folder) {
  const prefix = dirname(dirname(process.execPath))
  if (moduleVersion(prefix) === process.versions.modules) return prefix
  const { arch, platform, version } = process
  const distribution = `node${platform === 'darwin' && arch === 'arm64' ? '-bin' : ''}-${platform}-${arch}`
  const cwd = join(folder, 'headers')
  mkdirSync(cwd)
  writeFileSync(join(cwd, 'package.json'), '{ "private": true }')
  const options = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
  step('npm', ['install', ...options, `${distribution}@${version.slice(1)}`], { cwd })
  return join(cwd, 'node_modules', distribution)
}

function moduleVersion(prefix) {
  const file = join(prefix, 'include', 'node', 'node_version.h')
  return existsSync(file) && /NODE_MODULE_VERSION (\d+)/.exec(readFileSync(file, 'utf8'))?.[1]
}

/** Of 280 MB the add-on itself and the libraries beside it are needed. */
function prune(folder) {
  const engine = join(folder, 'node_modules', name)
  const libraries = join(engine, 'build', 'deps')
  const archives = readdirSync(libraries).filter((file) => file.endsWith('.a'))
  const superfluous = [
    join(folder, 'headers'),
    join(engine, 'deps'),
    join(engine, 'build', 'Release', 'obj.target'),
    ...archives.map((file) => join(libraries, file)),
  ]
  for (const path of superfluous) rmSync(path, { recursive: true, force: true })
}
