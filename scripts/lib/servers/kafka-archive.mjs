import { spawn } from 'node:child_process'
import {
  closeSync,
  cpSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { exitCodeOf, root, say } from '../run.mjs'

const recipe = join(root, 'test', 'servers', 'kafka')
const longestMs = 120_000

/**
 * Runs the broker once, so that Java writes an archive of the classes that it loads: later starts take half the time.
 * It is also the proof that what was installed works. Resolves to the path of the archive.
 */
export async function archiveClasses({ formatted, java, javaVersion, libs }, cache) {
  const archive = join(cache, `classes-${javaVersion}.jsa`)
  if (existsSync(archive)) return archive
  say('Starting Kafka for the first time …')
  const folder = mkdtempSync(join(tmpdir(), 'spillway-kafka-'))
  try {
    const fresh = join(cache, `classes-${process.pid}.jsa`)
    const properties = configure(folder, formatted, await freePort(), await freePort())
    const flags = [
      `@${join(recipe, 'jvm.options')}`,
      `-XX:ArchiveClassesAtExit=${fresh}`,
      '-cp',
      join(libs, '*'),
    ]
    await runOnce(java, [...flags, 'kafka.Kafka', properties], folder)
    renameSync(fresh, archive)
    return archive
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function configure(folder, formatted, port, controllerPort) {
  const data = join(folder, 'data')
  cpSync(formatted, data, { recursive: true })
  const own = readFileSync(join(recipe, 'server.properties'), 'utf8')
  const listeners = `listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`
  const voters = `controller.quorum.voters=1@127.0.0.1:${controllerPort}`
  const properties = join(folder, 'server.properties')
  writeFileSync(properties, [own, listeners, voters, `log.dirs=${data}`, ''].join('\n'))
  return properties
}

async function runOnce(java, args, folder) {
  const logFile = join(folder, 'server.log')
  const output = openSync(logFile, 'a')
  const broker = spawn(java, args, { cwd: folder, stdio: ['ignore', output, output] })
  closeSync(output)
  const kill = () => broker.kill('SIGKILL')
  process.once('exit', kill) // whatever ends this process
  const ended = exitCodeOf(broker)
  const late = Date.now() + longestMs
  while (!readFileSync(logFile, 'utf8').includes('Kafka Server started')) {
    if (broker.exitCode !== null || Date.now() > late) {
      kill()
      throw new Error(
        `Kafka does not start:\n${readFileSync(logFile, 'utf8').split('\n').slice(-40).join('\n')}`,
      )
    }
    await setTimeout(50)
  }
  broker.kill('SIGTERM')
  await ended
  process.off('exit', kill)
}

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address()
      probe.close(() => resolve(port))
    })
  })
}
