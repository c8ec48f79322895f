import { errors } from '@nats-io/nats-core'
import type * as jetstreamPackage from '@nats-io/jetstream'
import type { ConsumerConfig, ConsumerInfo, JetStreamManager, StreamInfo } from '@nats-io/jetstream'
import { ClientMissingError } from '../../remote/errors.ts'
import type { Link } from './link.ts'

type Package = typeof jetstreamPackage
const packageName = '@nats-io/jetstream'
const retryMs = 250

/** Imports the package of the client when JetStream is first asked for. */
async function loadJetStream(): Promise<Package> {
  try {
    return await import('@nats-io/jetstream')
  } catch (error) {
    const missing = (error as { code?: unknown }).code === 'ERR_MODULE_NOT_FOUND'
    throw missing ? new ClientMissingError(packageName, 'createJetStreamBroker', { cause: error }) : error
  }
}

/** What the server is asked about streams and consumers. */
export class JetStreamApi {
  readonly link: Link
  /** What every subject of the API begins with. */
  readonly prefix: string
  readonly manager: JetStreamManager
  readonly #package: Package

  private constructor(link: Link, prefix: string, manager: JetStreamManager, loaded: Package) {
    this.link = link
    this.prefix = prefix
    this.manager = manager
    this.#package = loaded
  }

  /** Rejects with `ClientMissingError` without the package, and with the client's error when there is no JetStream. */
  static async open(link: Link, domain: string | undefined): Promise<JetStreamApi> {
    const loaded = await loadJetStream()
    const manager = await loaded.jetstreamManager(link.connection, domain === undefined ? {} : { domain })
    const prefix = domain === undefined ? '$JS.API' : `$JS.${domain}.API`
    return new JetStreamApi(link, prefix, manager, loaded)
  }

  stream(name: string): Promise<StreamInfo | undefined> {
    return this.#unlessMissing(this.manager.streams.info(name))
  }

  consumer(stream: string, name: string): Promise<ConsumerInfo | undefined> {
    return this.#unlessMissing(this.manager.consumers.info(stream, name))
  }

  /** The config may have what the older ways of making a consumer lack: a name, and no durable. */
  makeConsumer(stream: string, config: Partial<ConsumerConfig>): Promise<ConsumerInfo> {
    return this.manager.consumers.add(stream, config)
  }

  /** Whether there was one. */
  async removeConsumer(stream: string, name: string): Promise<boolean> {
    return (await this.#unlessMissing(this.manager.consumers.delete(stream, name))) ?? false
  }

  /** Whether some stream of the server keeps the topic. */
  async keeps(topic: string): Promise<boolean> {
    return (await this.#unlessMissing(this.manager.streams.find(topic))) !== undefined
  }

  /** When the first message at or behind this number, of these topics, was stored. */
  async timeOf(stream: string, seq: number, topics: string | undefined): Promise<number | undefined> {
    const query = { seq, next_by_subj: topics ?? '>' }
    const message = await this.#unlessMissing(this.manager.streams.getMessage(stream, query))
    return message?.time.getTime()
  }

  /** Whether asking again cannot help; the server, or JetStream in it, may only have been away. */
  isFinal(error: unknown): boolean {
    if (this.link.over) return true
    if (error instanceof this.#package.JetStreamApiError) return error.code !== notAvailable
    if (error instanceof errors.TimeoutError || error instanceof errors.RequestError) return false
    // Nobody answers for JetStream: the client says that it is not enabled, and has no class for it that it exports.
    return !(error instanceof Error && error.cause instanceof errors.RequestError)
  }

  /** Asks until the server decides, for as long as it is away. Rejects with its decision, or when `over` says so. */
  async insist<T>(ask: () => Promise<T>, over: () => boolean): Promise<T> {
    for (;;) {
      try {
        return await ask()
      } catch (error) {
        if (this.isFinal(error) || over()) throw error
        this.link.note(error)
        await this.link.pause(retryMs)
        if (over()) throw error
      }
    }
  }

  /** Undefined when the server says that there is no such thing. */
  async #unlessMissing<T>(answer: Promise<T>): Promise<T | undefined> {
    try {
      return await answer
    } catch (error) {
      if (error instanceof this.#package.JetStreamApiError && missing.has(error.code)) return undefined
      throw error
    }
  }
}

/** Codes of the server: temporarily not available; no such consumer, stream, or message. */
export const notAvailable = 10008
const missing: ReadonlySet<number> = new Set([10014, 10059, 10037])
