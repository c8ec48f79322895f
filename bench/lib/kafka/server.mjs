// A Kafka broker of its own for a bench, or the one of SPILLWAY_KAFKA_BROKERS; and the clients that are installed.
import { spawn } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const installed = JSON.parse(readFileSync(join(root, 'node_modules/.cache/spillway/servers.json'), 'utf8'))

/** Starts a broker; resolves with its address and how to stop it. */
export async function startKafka() {
  const given = process.env.SPILLWAY_KAFKA_BROKERS
  if (given !== undefined) return { brokers: given.split(','), stop: () => undefined }
  const { archive, formatted, java, libs } = installed.kafka
  const recipe = join(root, 'test/servers/kafka')
  const folder = mkdtempSync(join(tmpdir(), 'spillway-bench-'))
  const [port, controller] = [await freePort(), await freePort()]
  cpSync(formatted, join(folder, 'data'), { recursive: true })
  const own = [
    readFileSync(join(recipe, 'server.properties'), 'utf8'),
    `listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controller}`,
    `controller.quorum.voters=1@127.0.0.1:${controller}`,
    `log.dirs=${join(folder, 'data')}`,
    '',
  ]
  writeFileSync(join(folder, 'server.properties'), own.join('\n'))
  const flags = [
    `@${join(recipe, 'jvm.options')}`,
    `-XX:SharedArchiveFile=${archive}`,
    '-cp',
    join(libs, '*'),
  ]
  const child = spawn(java, [...flags, 'kafka.Kafka', join(folder, 'server.properties')], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let log = ''
  for (const output of [child.stdout, child.stderr])
    output.on('data', (text) => {
      log = `${log}${text}`.slice(-10_000)
    })
  process.once('exit', () => child.kill('SIGKILL'))
  while (!log.includes('Kafka Server started')) {
    if (child.exitCode !== null) throw new Error(`Kafka does not start:\n${log}`)
    await setTimeout(50)
  }
  const stop = () => {
    child.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  }
  return { brokers: [`127.0.0.1:${port}`], stop }
}

/** The engines: how each is made, and what its clients are told. */
export function engines(brokers) {
  const kafkajs = createRequire(import.meta.url)('kafkajs')
  const native = createRequire(join(installed.engine.folder, 'package.json'))(
    '@confluentinc/kafka-javascript',
  )
  const { Kafka } = native.KafkaJS
  return [
    {
      name: 'kafkajs',
      kafka: new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING }),
      producer: { idempotent: true, createPartitioner: kafkajs.Partitioners.DefaultPartitioner },
      consumer: (groupId) => ({ groupId, maxWaitTimeInMs: 250 }),
      subscribe: { fromBeginning: true },
      run: { autoCommit: false },
    },
    {
      name: 'confluent',
      kafka: new Kafka({ kafkaJS: { brokers, logLevel: native.KafkaJS.logLevel.NOTHING } }),
      producer: { kafkaJS: { idempotent: true, acks: -1 }, 'linger.ms': 5 },
      consumer: (groupId) => ({ kafkaJS: { groupId, fromBeginning: true, autoCommit: false } }),
      subscribe: {},
      run: {},
    },
  ]
}

function freePort() {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address()
      probe.close(() => resolve(port))
    })
  })
}
