import { type Broker, type Message, OffsetEvictedError } from '../../src/index.ts'
import type { OpenOptions } from '../../src/conformance/index.ts'
import { altered, delivering, omit, subscribing, through, withOptions } from './altering.ts'

// Brokers with one fault each: what the kit has to find.

const accepted = { level: 'accepted', routed: true } as const

export type Make = (broker: Broker, options?: OpenOptions) => Readonly<Record<string | symbol, unknown>>

export const losesEveryThousandth: Make = (broker) => {
  let count = 0
  return {
    publish: (topic: string, payload: unknown, options?: object) =>
      ++count % 1000 === 0 ? Promise.resolve(accepted) : broker.publish(topic, payload, options),
  }
}

export const deliversTwiceInGroups: Make = (broker) => {
  let count = 0
  return subscribing(broker, (options) => (message) => {
    const twice = options?.['group'] !== undefined && ++count % 50 === 0
    return twice ? [message, message] : [message]
  })
}

export const reorders: Make = (broker) =>
  subscribing(broker, () => {
    const held: Message[] = []
    return (message) => {
      held.push(message)
      // Every tenth waits for the one behind it.
      if (held.length === 1 && (message.payload as number) % 10 === 4) return []
      return held.splice(0).toReversed()
    }
  })

export const swallowsRejections: Make = (broker) => ({
  publish: (topic: string, payload: unknown, options?: object) =>
    broker.publish(topic, payload, options).catch(() => accepted),
})

export const swallowsHandlerErrors: Make = (broker) => ({
  subscribe: (pattern: string, handler: (message: Message) => unknown, options?: object) => {
    const quiet = async (message: Message): Promise<void> => {
      try {
        await handler(message)
      } catch {
        // Nobody hears of it.
      }
    }
    return typeof handler === 'function'
      ? broker.subscribe(pattern, quiet, options)
      : broker.subscribe(pattern, handler)
  },
})

export const countsOneTooMany: Make = (broker) => ({
  ledger: () => ({ ...broker.ledger(), published: broker.ledger().published + 1 }),
})

/** Its books balance, and are not true: every drop is entered as a delivery. */
export const hidesDrops: Make = (broker) => ({
  subscribe: (pattern: string, options?: object) => {
    const reader = broker.subscribe(pattern, options)
    const ledger = (): object => {
      const { dropped, ...rest } = reader.ledger()
      const hidden = dropped['evicted-oldest']
      return { ...rest, dropped: { ...dropped, 'evicted-oldest': 0 }, delivered: rest.delivered + hidden }
    }
    return altered(reader, { ledger })
  },
})

export const callsHandlersAfterClose: Make = (broker) => {
  const late: (() => void)[] = []
  return {
    subscribe: (pattern: string, handler: (message: Message) => unknown, options?: object) => {
      if (typeof handler !== 'function') return broker.subscribe(pattern, handler)
      const keeping = (message: Message): unknown => {
        late.push(() => handler(message))
        return handler(message)
      }
      return broker.subscribe(pattern, keeping, options)
    },
    close: async () => {
      await broker.close()
      setImmediate(() => late.at(-1)?.())
    },
  }
}

export const handsOutAfterClose: Make = (broker) => ({
  subscribe: (pattern: string, first?: unknown, second?: unknown) => {
    if (typeof first === 'function') return broker.subscribe(pattern, first as () => void, second as object)
    let last: Message | undefined
    const reader = through(broker.subscribe(pattern, first as object), (message) => [(last = message)])
    return altered(reader, { poll: () => reader.poll() ?? (reader.closed ? last : undefined) })
  },
})

export const leavesSubscriptions: Make = (broker) => ({
  subscribe: (pattern: string, first?: unknown, second?: unknown) => {
    if (typeof first === 'function') return broker.subscribe(pattern, first as () => void, second as object)
    return altered(broker.subscribe(pattern, first as object), { close: () => undefined })
  },
})

export const acksCumulatively: Make = (broker) => {
  const earlier: (() => unknown)[] = []
  return delivering(broker, (delivery) => {
    earlier.push(() => delivery.ack())
    const upTo = earlier.length
    return {
      ack: () => {
        for (const ack of earlier.slice(0, upTo)) ack()
        return true
      },
    }
  })
}

export const matchesTooMuch: Make = (broker) => ({
  subscribe: (pattern: string, first?: unknown, second?: unknown) => {
    const wide = typeof pattern === 'string' && pattern.endsWith('.*') ? `${pattern.slice(0, -1)}>` : pattern
    return broker.subscribe(wide, first as () => void, second as object)
  },
})

export const dropsWhenDraining: Make = (broker) => ({
  drain: async () => {
    await broker.close()
    return { complete: true, delivered: 0, dropped: 0, durationMs: 0 }
  },
})

export const changesHeaderNames: Make = (broker) =>
  subscribing(broker, () => (message) => [altered(message, { headers: lowerCase(message.headers) })])

export const readsBytesAsText: Make = (broker) =>
  subscribing(broker, () => (message) => [altered(message, { payload: throughText(message.payload) })])

export const givesOneId: Make = (broker) =>
  subscribing(broker, () => (message) => [altered(message, { id: 'always the same' })])

export const acksOnNak: Make = (broker) => delivering(broker, (delivery) => ({ nak: () => delivery.ack() }))

export const naksAtOnce: Make = (broker) => delivering(broker, (delivery) => ({ nak: () => delivery.nak() }))

export const countsNoAttempts: Make = (broker) => delivering(broker, () => ({ attempt: 1 }))

export const extendsNothing: Make = (broker) => delivering(broker, () => ({ extend: () => true }))

export const neverCloses: Make = () => ({ close: () => new Promise(() => undefined) })

/** Every member is in a group of its own. */
export const forgetsGroups: Make = (broker) => {
  let count = 0
  return withOptions(broker, (options) =>
    options['group'] === undefined ? options : { ...options, group: `forgotten-${++count}-${Date.now()}` },
  )
}

export const alwaysBlocks: Make = (broker) =>
  withOptions(broker, ({ capacity = 1024 }) => ({ capacity, overflow: 'block' }))

/** Takes no notice of one option of subscriptions. */
export const ignoring =
  (name: string): Make =>
  (broker) =>
    withOptions(broker, (options) => omit(options, name))

/** Begins elsewhere, without a word, when retention has removed what was asked for. */
export const clamps: Make = (broker) => ({
  subscribe: (pattern: string, options?: object) => {
    try {
      return broker.subscribe(pattern, options)
    } catch (error) {
      if (!(error instanceof OffsetEvictedError)) throw error
      return broker.subscribe(pattern, { from: 'start' })
    }
  },
})

/** Goes on elsewhere, without a word, when retention has overtaken it. */
export const skips: Make = (broker) => ({
  subscribe: (pattern: string, options?: object) => {
    let reader = broker.subscribe(pattern, options)
    const next = async (): Promise<IteratorResult<Message, undefined>> => {
      try {
        return await reader.next()
      } catch (error) {
        if (!(error instanceof OffsetEvictedError)) throw error
        reader = broker.subscribe(pattern, { from: 'start' })
        return await reader.next()
      }
    }
    return altered(reader, { next })
  },
})

function lowerCase(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
}

function throughText(payload: unknown): unknown {
  return payload instanceof Uint8Array ? new TextEncoder().encode(new TextDecoder().decode(payload)) : payload
}
