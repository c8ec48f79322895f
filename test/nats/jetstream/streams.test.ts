import { describe, expect, it } from 'vitest'
import {
  ConsumerLostError,
  createJetStreamBroker,
  StreamConflictError,
  StreamMissingError,
  type StreamOptions,
  UnsafeStreamError,
} from '../../../src/nats/index.ts'
import { startNats } from '../../support/servers/nats.ts'
import { directory, undo } from '../../support/undo.ts'
import { range, rejection } from '../../support/watch.ts'
import { broker, connection, manager, ownStream, streamServer, take, world } from './world.ts'

const server = streamServer()

describe('streams of a broker', () => {
  it('are made as they are asked for, with an id known for as long as a publish may be repeated', async () => {
    const own = ownStream()
    const options: StreamOptions = {
      name: own.name,
      topics: [`${own.prefix}.a`, `${own.prefix}.b.>`],
      maxAgeMs: 3_600_000,
      maxBytes: 10_000_000_000,
      maxMessages: 500,
      maxMessageBytes: 1000,
      storage: 'memory',
    }

    const made = await broker(server(), { streams: [options], publishDeadlineMs: 200_000 })
    await broker(server(), { streams: [options] }) // and are compared by whoever comes next

    const { config } = await (await manager(server())).streams.info(own.name)
    expect(config).toMatchObject({
      subjects: options.topics,
      retention: 'limits',
      discard: 'old',
      max_age: 3_600_000e6,
      max_bytes: 10_000_000_000,
      max_msgs: 500,
      max_msg_size: 1000,
      storage: 'memory',
      duplicate_window: 200_000e6,
    })
    expect(await made.streams()).toEqual([
      {
        stream: own.name,
        topics: options.topics,
        retention: 'limits',
        first: 0,
        next: 0,
        messages: 0,
        bytes: 0,
      },
    ])
  })

  it('that are not what was asked for are refused, and not changed', async () => {
    const { streams } = await world(server(), { maxMessages: 10 })
    const [stream] = streams
    if (stream === undefined) throw new Error('no stream')
    const link = await connection(server())
    const others: [string, StreamOptions][] = [
      ['maxMessages', { ...stream, maxMessages: 11 }],
      ['topics', { ...stream, topics: [...stream.topics, 'more'] }],
      ['retention', { ...stream, retention: 'interest' }],
      ['storage', { ...stream, storage: 'memory' }],
      ['duplicateWindowMs', { ...stream, duplicateWindowMs: 60_000 }],
    ]
    for (const [option, other] of others) {
      const error = await rejection(createJetStreamBroker({ connection: link, streams: [other] }))
      expect(error).toBeInstanceOf(StreamConflictError)
      expect(error).toMatchObject({ stream: stream.name, option })
    }
    const { config } = await (await manager(server(), link)).streams.info(stream.name)
    expect(config).toMatchObject({ max_msgs: 10, subjects: stream.topics, retention: 'limits' })
  })

  it('must be there when they are not to be made', async () => {
    const own = ownStream()
    const streams = [{ name: own.name, topics: [own.prefix], create: false }]
    const error = await rejection(createJetStreamBroker({ connection: await connection(server()), streams }))
    expect(error).toBeInstanceOf(StreamMissingError)
  })

  it('that nobody reads a topic of are named when somebody subscribes to it', async () => {
    const { broker: made } = await world(server())
    expect(() => made.subscribe('of.nobody')).toThrow(StreamMissingError)
    expect(() => made.subscribe('of.nobody', { group: 'g' })).toThrow(StreamMissingError)
  })
})

describe('work queues', () => {
  it('that remove old messages are refused before anything is made', async () => {
    const own = ownStream()
    const queue = { name: own.name, topics: [own.prefix], retention: 'work-queue', discard: 'old' } as const
    const link = await connection(server())
    const error = await rejection(createJetStreamBroker({ connection: link, streams: [queue] }))
    expect(error).toBeInstanceOf(UnsafeStreamError)
    const names = await (await manager(server(), link)).streams.names().next()
    expect(names).not.toContain(own.name)
  })

  it('that remove old messages are refused when they are on the server already, for they lose what was acknowledged', async () => {
    const own = ownStream()
    const link = await connection(server())
    const { streams } = await manager(server(), link)
    const subjects = [own.prefix]
    await streams.add({ name: own.name, subjects, retention: 'workqueue', max_msgs: 10, discard: 'old' })
    // What it would do: a hundred acknowledgements, and ten messages.
    for (const n of range(0, 100)) await link.request(own.prefix, String(n))
    expect((await streams.info(own.name)).state.messages).toBe(10)

    const queue = { name: own.name, topics: subjects, retention: 'work-queue' } as const
    const error = await rejection(createJetStreamBroker({ connection: link, streams: [queue] }))

    expect(error).toBeInstanceOf(UnsafeStreamError)
    const { config } = await streams.info(own.name)
    expect(config.discard).toBe('old')
  })

  it('are for one group: whoever else would read them is told so', async () => {
    const { broker: made, prefix } = await world(server(), { retention: 'work-queue' })
    const member = made.subscribe(prefix + '.a', { group: 'g', from: 'start' })
    await made.publish(`${prefix}.a`, 1)
    const refused = [
      made.subscribe(`${prefix}.a`),
      made.subscribe(`${prefix}.>`, { group: 'h', from: 'start' }),
    ]
    for (const reader of refused) expect(await rejection(reader.next())).toBeInstanceOf(ConsumerLostError)
    const [delivery] = await take(member, 1)
    expect(await delivery?.ack()).toBe(true)
    expect(await made.streams()).toMatchObject([{ messages: 0, first: 1, next: 1 }])
  })

  it('are read from their start by a group that asks for nothing else, and for nothing else it may ask', async () => {
    const { broker: made, prefix } = await world(server(), { retention: 'work-queue' })
    await made.publish(`${prefix}.a`, 1)
    for (const from of ['end', 0, -1, new Date()] as const)
      expect(() => made.subscribe(`${prefix}.a`, { group: 'g', from })).toThrow(/work queue/)
    const member = made.subscribe(`${prefix}.a`, { group: 'g' })
    const [held] = await take(member, 1)
    expect(held?.payload).toBe(1)

    expect(await rejection(made.seekGroup('g', `${prefix}.a`, 'end'))).toMatchObject({ option: 'position' })

    expect(await held?.ack()).toBe(true) // it was not moved
    expect(await made.groups()).toMatchObject([{ name: 'g', lagMessages: 0 }])
  })

  it('refuse new messages by default, as do streams that are kept for groups', async () => {
    const queue = await world(server(), { retention: 'work-queue', maxMessages: 2 })
    const interest = await world(server(), { retention: 'interest' })
    const { streams } = await manager(server())
    expect((await streams.info(queue.name)).config).toMatchObject({ discard: 'new', retention: 'workqueue' })
    expect((await streams.info(interest.name)).config.discard).toBe('new')
  })
})

describe('a server with a domain', () => {
  it('is spoken to by the name of the domain, also by groups', async () => {
    const folder = directory()
    const hub = await startNats({
      jetStream: false,
      config: { jetstream: { store_dir: folder, domain: 'hub' } },
    })
    undo.push(() => hub.dispose())
    const { broker: made, name, prefix } = await world(hub, {}, { domain: 'hub' })
    await made.publish(`${prefix}.a`, 1)
    const [message] = await take(made.subscribe(`${prefix}.a`, { from: 'start' }), 1)
    expect(message).toMatchObject({ payload: 1, stream: name, offset: 0 })
    const [delivery] = await take(made.subscribe(`${prefix}.a`, { group: 'g', from: 'start' }), 1)
    expect(delivery).toMatchObject({ payload: 1, stream: name, offset: 0, attempt: 1 })
    expect(await delivery?.ack()).toBe(true)
  })
})

describe('options', () => {
  const stream = { name: 'ORDERS', topics: ['orders.>'] }
  const wrong: [string, object][] = [
    ['streams', { streams: [] }],
    ['streams', { streams: [stream, stream] }],
    ['streams.name', { streams: [{ ...stream, name: 'a.b' }] }],
    ['streams.topics', { streams: [{ ...stream, topics: [] }] }],
    ['streams.retention', { streams: [{ ...stream, retention: 'queue' }] }],
    ['streams.discard', { streams: [{ ...stream, discard: 'oldest' }] }],
    ['streams.storage', { streams: [{ ...stream, storage: 'tape' }] }],
    ['streams.maxMessages', { streams: [{ ...stream, maxMessages: 0 }] }],
    ['streams.duplicateWindowMs', { streams: [{ ...stream, duplicateWindowMs: 1000 }] }],
    ['publishDeadlineMs', { publishDeadlineMs: Number.POSITIVE_INFINITY }],
    ['window.messages', { window: { messages: 0 } }],
    ['requires', { requires: ['magic'] }],
  ]
  it.each(wrong)('that cannot be meant are refused: %s %o', async (option, options) => {
    const link = await connection(server())
    const error = await rejection(createJetStreamBroker({ connection: link, streams: [stream], ...options }))
    expect(error).toMatchObject({ code: 'SPW_INVALID_OPTION', option })
    expect(link.isClosed()).toBe(false)
  })

  it('that ask for what it does not promise are refused', async () => {
    const link = await connection(server())
    const requires = ['synced'] as unknown as []
    const error = await rejection(createJetStreamBroker({ connection: link, streams: [stream], requires }))
    expect(error).toMatchObject({ code: 'SPW_CAPABILITY_MISSING', missing: ['synced'] })
  })
})
