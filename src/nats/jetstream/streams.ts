import type { StreamConfig, StreamInfo } from '@nats-io/jetstream'
import type { JetStreamApi } from './api.ts'
import type { JetStreamStatus, StreamOptions } from './contract.ts'
import { StreamMissingError } from './errors.ts'
import { covers, overlap } from './patterns.ts'
import { compareStream, fromServer, streamConfig } from './stream-options.ts'

/** What a subscription reads of one stream: one consumer. */
export interface Feed {
  readonly stream: string
  /** Undefined: everything in it. */
  readonly filter: string | undefined
}

/** The server has a stream of this name, which somebody else has just made. */
const nameInUse = 10058

/** The streams of a broker. */
export class Streams {
  readonly #api: JetStreamApi
  readonly #streams: readonly StreamOptions[]
  readonly #queues: ReadonlySet<string>

  private constructor(api: JetStreamApi, streams: readonly StreamOptions[], queues: ReadonlySet<string>) {
    this.#api = api
    this.#streams = streams
    this.#queues = queues
  }

  /** Makes what is missing and compares what is there. Options have been checked. */
  static async open(
    api: JetStreamApi,
    streams: readonly StreamOptions[],
    publishDeadlineMs: number,
  ): Promise<Streams> {
    const queues = new Set<string>()
    for (const stream of streams) {
      const { retention } = await ensure(api, stream, publishDeadlineMs)
      if (retention === 'workqueue') queues.add(stream.name)
    }
    return new Streams(
      api,
      streams.map((stream) => ({ ...stream, topics: [...stream.topics] })),
      queues,
    )
  }

  get names(): readonly string[] {
    return this.#streams.map(({ name }) => name)
  }

  /**
   * Where the topics are that a pattern matches. A server of version 2.9 takes only filters that lie within one topic of
   * the stream, and one per consumer; so a pattern may need several. Throws `StreamMissingError` when there are none.
   */
  feeds(pattern: string): readonly Feed[] {
    const feeds = this.#streams.flatMap(({ name, topics }) => feedsOf(name, topics, pattern))
    if (feeds.length === 0)
      throw new StreamMissingError(
        pattern,
        `No stream of this broker keeps a topic that "${pattern}" matches`,
      )
    return feeds
  }

  /** Whether it is a work queue: the server has its group read all of it. */
  isQueue(name: string): boolean {
    return this.#queues.has(name)
  }

  async statuses(): Promise<readonly JetStreamStatus[]> {
    return Promise.all(this.names.map(async (name) => status(await this.info(name))))
  }

  /** Rejects with `StreamMissingError` when the server does not have it any more. */
  async info(name: string): Promise<StreamInfo> {
    const info = await this.#api.stream(name)
    if (info === undefined) throw new StreamMissingError(name, `The server has no stream "${name}" any more`)
    return info
  }
}

function feedsOf(stream: string, topics: readonly string[], pattern: string): readonly Feed[] {
  if (topics.every((topic) => covers(pattern, topic))) return [{ stream, filter: undefined }]
  if (topics.some((topic) => covers(topic, pattern))) return [{ stream, filter: pattern }]
  const filters = topics.map((topic) => overlap(topic, pattern)).filter((filter) => filter !== undefined)
  return [...new Set(filters)].map((filter) => ({ stream, filter }))
}

async function ensure(
  api: JetStreamApi,
  options: StreamOptions,
  publishDeadlineMs: number,
): Promise<StreamConfig> {
  const { create = true, name } = options
  let info = await api.stream(name)
  if (info === undefined) {
    if (!create) throw new StreamMissingError(name, `The server has no stream "${name}"`)
    try {
      info = await api.manager.streams.add(streamConfig(options, publishDeadlineMs) as { name: string })
    } catch (error) {
      if ((error as { code?: unknown }).code !== nameInUse) throw error
      info = await api.stream(name)
      if (info === undefined) throw error
    }
  }
  compareStream(options, info.config)
  return info.config
}

function status({ config, state }: StreamInfo): JetStreamStatus {
  return {
    stream: config.name,
    topics: config.subjects,
    retention: fromServer(config.retention),
    // An empty stream says that its first message is the next, or that it has none.
    first: Math.max(0, state.first_seq - 1),
    next: state.last_seq,
    messages: state.messages,
    bytes: state.bytes,
  }
}
