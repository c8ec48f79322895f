import type { Broker, Capabilities, Delivery, Message, Subscription } from '../../src/index.ts'
import type { OpenOptions, Transport } from '../../src/conformance/index.ts'

// What brokers with a fault are made with: sound ones, seen through a changing glass.

type Change = Readonly<Record<string | symbol, unknown>>
type Options = Readonly<Record<string, unknown>>

/** The same object with some of its properties replaced. */
export function altered<T extends object>(target: T, changes: Change): T {
  return new Proxy(target, {
    get(_, name) {
      if (Object.hasOwn(changes, name)) return changes[name]
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}

/** A transport whose brokers are altered as they are opened. */
export function broken(
  transport: Transport,
  change: (broker: Broker, options?: OpenOptions) => Change,
): Transport {
  return {
    ...transport,
    pace: { deadlineMs: 700 },
    open: async (options) => {
      const broker = await transport.open(options)
      return altered(broker, change(broker, options))
    },
  }
}

/** One that declares more than it does. */
export function boasting(transport: Transport, ...names: Capabilities['provides']): Transport {
  const declared = { ...transport.capabilities, provides: [...transport.capabilities.provides, ...names] }
  const capabilities = { ...declared, ...Object.fromEntries(names.map((name) => [name, true])) }
  return { ...broken(transport, () => ({ capabilities })), capabilities: declared }
}

/** A subscription whose messages pass through `change` on their way to the reader, which gets what it returns, in order. */
export function through(
  reader: Subscription,
  change: (message: Message) => readonly Message[],
): Subscription {
  const held: Message[] = []
  const poll = (): Message | undefined => {
    if (held.length === 0) {
      const message = reader.poll()
      if (message !== undefined) held.push(...change(message))
    }
    return held.shift()
  }
  const next = async (): Promise<IteratorResult<Message, undefined>> => {
    while (held.length === 0) {
      const result = await reader.next()
      if (result.done === true) return result
      held.push(...change(result.value))
    }
    return { done: false, value: held.shift() as Message }
  }
  const changes: Record<string | symbol, unknown> = { poll, next }
  const outer = altered(reader, changes)
  changes[Symbol.asyncIterator] = () => outer
  return outer
}

/** Changes what every subscription that is read gets. */
export function subscribing(
  broker: Broker,
  change: (options: Options | undefined) => (message: Message) => readonly Message[],
): Change {
  return {
    subscribe: (pattern: string, first?: unknown, second?: unknown) => {
      if (typeof first === 'function') return broker.subscribe(pattern, first as () => void, second as object)
      return through(broker.subscribe(pattern, first as object), change(first as Options | undefined))
    },
  }
}

/** Changes the options of every subscription. */
export function withOptions(broker: Broker, change: (options: Options) => Options): Change {
  return {
    subscribe: (pattern: string, first?: unknown, second?: unknown) =>
      typeof first === 'function'
        ? broker.subscribe(pattern, first as () => void, change((second ?? {}) as Options))
        : broker.subscribe(pattern, change((first ?? {}) as Options)),
  }
}

/** Changes the deliveries that a member of a group reads. */
export function delivering(broker: Broker, change: (delivery: Delivery) => Change): Change {
  return subscribing(broker, () => (message) => [altered(message, change(message as Delivery))])
}

/** A copy without one property. */
export function omit<T extends object>(from: T, name: string): T {
  return Object.fromEntries(Object.entries(from).filter(([key]) => key !== name)) as T
}
