import { createRequire } from 'node:module'
import { join } from 'node:path'
import kafkajs, { type Admin, type Consumer, type ISocketFactory, logLevel, type Producer } from 'kafkajs'
import { installed } from './installed.ts'

/** What both engines have in common, in the words of kafkajs. What they take as configuration differs. */
export interface KafkaClient {
  producer(config?: object): Producer
  consumer(config: object): Consumer
  admin(config?: object): Admin
}

/** A client package for Kafka. */
export interface KafkaEngine {
  readonly name: 'kafkajs' | '@confluentinc/kafka-javascript'
  readonly version: string
  /** What the native engine is built on. */
  readonly librdkafka?: string
  /** The configuration of a client, producer or consumer as this engine takes it: flat, or under `kafkaJS`. */
  readonly settings: (config: object) => object
  /** All that the package exports. */
  readonly module: unknown
  /** A client in the engine's own way. It logs nothing: what goes wrong is rejected. */
  connect(options: {
    readonly brokers: readonly string[]
    readonly clientId?: string
    /** Only kafkajs knows it. */
    readonly socketFactory?: ISocketFactory
  }): KafkaClient
}

interface Confluent {
  readonly KafkaJS: {
    readonly Kafka: new (config: unknown) => KafkaClient
    readonly logLevel: typeof logLevel
  }
  readonly librdkafkaVersion: string
}

/** Both engines. The native one is built by set-up, outside of the dependencies. */
export function loadKafkaEngines(): readonly [kafkajs: KafkaEngine, native: KafkaEngine] {
  return [loadKafkaJs(), loadNative()]
}

function loadKafkaJs(): KafkaEngine {
  const { version } = createRequire(import.meta.url)('kafkajs/package.json') as { version: string }
  return {
    name: 'kafkajs',
    version,
    settings: (config) => config,
    module: kafkajs,
    connect: ({ brokers, ...others }) =>
      new kafkajs.Kafka({ logLevel: logLevel.NOTHING, brokers: [...brokers], ...others }),
  }
}

function loadNative(): KafkaEngine {
  const { folder, version } = installed().engine
  const module = createRequire(join(folder, 'package.json'))('@confluentinc/kafka-javascript') as Confluent
  const { Kafka, logLevel } = module.KafkaJS
  const settings = (config: object): object => ({ kafkaJS: config })
  return {
    name: '@confluentinc/kafka-javascript',
    version,
    librdkafka: module.librdkafkaVersion,
    settings,
    module,
    connect: (options) => new Kafka(settings({ logLevel: logLevel.NOTHING, ...options })),
  }
}
