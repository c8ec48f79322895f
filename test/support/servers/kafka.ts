import { cpSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePorts } from './free-ports.ts'
import { installed, type Installed } from './installed.ts'
import { ManagedServer, ServerDidNotStart } from './managed-server.ts'

const recipe = fileURLToPath(new URL('../../servers/kafka', import.meta.url))

// After a crash a broker is let in again when the session that it had has ended: 9 s by default.
const quickRestart = { 'broker.session.timeout.ms': 1500, 'broker.heartbeat.interval.ms': 300 }

/** Properties of a broker that is never restarted, and need not answer quickly on a busy machine. */
export const patient = { 'broker.session.timeout.ms': 30_000, 'broker.heartbeat.interval.ms': 2000 } as const

/** How a private Kafka broker is set up. */
export interface KafkaOptions {
  /** Further settings of `server.properties`, for example `{ 'log.retention.check.interval.ms': 200 }`. */
  readonly properties?: Readonly<Record<string, string | number | boolean>>
  /** Puts something between the broker and its clients: given the port of the broker, returns the one to tell them. */
  readonly behind?: (port: number) => Promise<number>
}

/** A Kafka broker (KRaft, one node) that belongs to the test which started it. */
export class KafkaServer extends ManagedServer {
  /** Its address, as clients take it. */
  readonly brokers: readonly string[]
  readonly version: string

  constructor(folder: string, port: number, kafka: NonNullable<Installed['kafka']>) {
    const ready = /Kafka Server started/
    super(folder, { command: kafka.java, args: javaArgs(folder, kafka), ready, readyWithinMs: 90_000 })
    this.brokers = [`127.0.0.1:${port}`]
    this.version = kafka.version
  }
}

/** Starts a private broker on free ports of 127.0.0.1. It takes seconds: most tests want `sharedKafka`. */
export async function startKafka(options: KafkaOptions = {}): Promise<KafkaServer> {
  const { kafka } = installed()
  if (kafka === undefined)
    throw new Error('This test starts a Kafka of its own: unset SPILLWAY_KAFKA_BROKERS and run npm test')
  for (let triesLeft = 4; ; triesLeft--) {
    const server = await create(kafka, options)
    try {
      await server.start()
      return server
    } catch (error) {
      await server.dispose()
      const taken = error instanceof ServerDidNotStart && error.log.includes('Address already in use')
      if (!taken || triesLeft === 0) throw error
    }
  }
}

async function create(kafka: NonNullable<Installed['kafka']>, options: KafkaOptions): Promise<KafkaServer> {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-kafka-'))
  const { client, controller } = await freePorts('client', 'controller')
  const data = join(folder, 'data')
  cpSync(kafka.formatted, data, { recursive: true })
  const own = {
    listeners: `PLAINTEXT://127.0.0.1:${client},CONTROLLER://127.0.0.1:${controller}`,
    'controller.quorum.voters': `1@127.0.0.1:${controller}`,
    'log.dirs': data,
    ...(await advertised(options, client)),
    ...quickRestart,
    ...options.properties,
  }
  const lines = Object.entries(own).map(([name, value]) => `${name}=${value}`)
  const common = readFileSync(join(recipe, 'server.properties'), 'utf8')
  writeFileSync(join(folder, 'server.properties'), [common, ...lines, ''].join('\n'))
  return new KafkaServer(folder, client, kafka)
}

async function advertised({ behind }: KafkaOptions, port: number): Promise<object> {
  if (behind === undefined) return {}
  return { 'advertised.listeners': `PLAINTEXT://127.0.0.1:${await behind(port)}` }
}

function javaArgs(folder: string, { archive, libs }: NonNullable<Installed['kafka']>): string[] {
  const classes = [`-XX:SharedArchiveFile=${archive}`, '-cp', join(libs, '*')]
  return [`@${join(recipe, 'jvm.options')}`, ...classes, 'kafka.Kafka', join(folder, 'server.properties')]
}
