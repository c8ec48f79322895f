import { type Capability, checkRequired } from '../core/capabilities.ts'
import type { Broker, Subscription } from '../core/contract.ts'
import { InvalidOptionError } from '../core/errors.ts'
import type { MessageOf } from '../core/event-map.ts'
import type { Message } from '../core/message.ts'
import { blockingOwner } from '../core/reading-subscription.ts'
import { defaultTimeoutMs } from '../core/settings.ts'
import { recognisable } from '../core/worker.ts'
import { BatchRunner } from './batch-runner.ts'
import { FlowConsumer } from './consumer.ts'
import type {
  BatchConsumerOptions,
  BatchHandler,
  BrokerSource,
  Consumer,
  ConsumerOptions,
  DeadLetterBroker,
  FlowOptions,
  KnownEnd,
  MessageHandler,
  SourceOptions,
  TakenOf,
} from './contract.ts'
import type { DeadLetterPlace } from './dead-letters.ts'
import type { ItemRunner, Pipeline } from './pipeline.ts'
import { type RunnerSettings, SingleRunner } from './runner.ts'
import { batchSettings, callback, flowSettings, objectOf, middlewareOf, positive } from './settings.ts'

/**
 * Calls `handler` with every message of the source and settles it: acknowledged when it is handled, tried again when it
 * failed, and published as a dead letter when its attempts are used up. What happens to a message happens in one fixed
 * order, see `docs/consumers.md`. The consumer owns the subscription from then on and closes it when it ends.
 *
 * @throws InvalidOptionError for options that do not fit together, and when it is not known where dead letters go
 * @throws CapabilityMissingError when the broker lacks something that `requires` names
 * @throws ConcurrentIterationError when somebody else reads the subscription
 */
export function consume<
  E extends object,
  P extends string,
  C extends Capability,
  const S extends SourceOptions<MessageOf<E, P>> = SourceOptions<MessageOf<E, P>>,
>(
  source: BrokerSource<E, C, P, S>,
  handler: MessageHandler<TakenOf<E, C, P, S>>,
  options?: ConsumerOptions<TakenOf<E, C, P, S>, C>,
): Consumer
export function consume<M extends Message>(
  source: Subscription<M>,
  handler: MessageHandler<M>,
  options: ConsumerOptions<M> & KnownEnd<M>,
): Consumer
export function consume(
  source: Subscription | AnySource,
  handler: MessageHandler,
  options: ConsumerOptions = {},
): Consumer {
  checkHandler(handler)
  const use = middlewareOf(options.use)
  return start(source, options, (own, settings, pipeline) => {
    const layered = use.reduceRight<MessageHandler>(
      (next, layer) => (message, context) => layer(message, context, () => next(message, context)),
      handler,
    )
    return new SingleRunner(pipeline, settings, own(layered))
  })
}

/**
 * As `consume`, but calls `handler` with several messages at a time. It returns those it has handled: a message that it
 * leaves out has failed. A batch never holds two messages with an equal ordering key.
 *
 * @throws InvalidOptionError for options that do not fit together, and when it is not known where dead letters go
 * @throws CapabilityMissingError when the broker lacks something that `requires` names
 * @throws ConcurrentIterationError when somebody else reads the subscription
 */
export function consumeBatches<
  E extends object,
  P extends string,
  C extends Capability,
  const S extends SourceOptions<MessageOf<E, P>> = SourceOptions<MessageOf<E, P>>,
>(
  source: BrokerSource<E, C, P, S>,
  handler: BatchHandler<TakenOf<E, C, P, S>>,
  options?: BatchConsumerOptions<TakenOf<E, C, P, S>, C>,
): Consumer
export function consumeBatches<M extends Message>(
  source: Subscription<M>,
  handler: BatchHandler<M>,
  options: BatchConsumerOptions<M> & KnownEnd<M>,
): Consumer
export function consumeBatches(
  source: Subscription | AnySource,
  handler: BatchHandler,
  options: BatchConsumerOptions = {},
): Consumer {
  checkHandler(handler)
  const use = middlewareOf(options.use)
  const batch = batchSettings(options)
  return start(source, options, (own, settings, pipeline) => {
    const layered = use.reduceRight<BatchHandler>(
      (next, layer) => (messages, context) => layer(messages, context, () => next(messages, context)),
      handler,
    )
    return new BatchRunner(pipeline, settings, batch, own(layered))
  })
}

interface AnySource {
  readonly broker: Broker
  readonly pattern: string
  readonly subscribe?: SourceOptions<Message>
}

/** Makes a handler known as one that runs for the mailbox it reads from. */
type Own = <Args extends unknown[]>(handler: (...args: Args) => unknown) => (...args: Args) => unknown

function start(
  source: Subscription | AnySource,
  options: FlowOptions & { readonly requires?: readonly Capability[] },
  runnerFor: (own: Own, settings: RunnerSettings, pipeline: Pipeline) => ItemRunner,
): Consumer {
  checkSource(source)
  const broker = 'broker' in source ? source.broker : undefined
  const subscribe = 'broker' in source ? source.subscribe : undefined
  const settings = flowSettings(options, subscribe?.ackDeadlineMs)
  if (broker !== undefined) checkRequired(broker.capabilities, options.requires)
  else if (options.requires !== undefined)
    throw new InvalidOptionError('requires', options.requires, 'Of a subscription no broker is known to ask.')
  const { group, pattern } =
    'broker' in source ? { group: subscribe?.group, pattern: source.pattern } : source
  const place =
    settings.exhausted === 'dead-letter' ? deadLetterPlace(options, broker, pattern, group) : undefined
  const subscription = 'broker' in source ? source.broker.subscribe(source.pattern, subscribe) : source
  const owner = blockingOwner(subscription)
  const own: Own = (handler) => (owner === undefined ? handler : recognisable(handler, () => owner))
  const settles = broker !== undefined && broker.capabilities.acks && group !== undefined
  return new FlowConsumer(
    subscription,
    settings,
    place,
    (pipeline) => runnerFor(own, settings, pipeline),
    settles,
  )
}

function deadLetterPlace(
  options: FlowOptions,
  own: Broker | undefined,
  pattern: string,
  group: string | undefined,
): DeadLetterPlace {
  const deadLetter = objectOf('deadLetter', options.deadLetter)
  const broker: DeadLetterBroker | undefined = deadLetter.broker ?? own
  if (broker === undefined || typeof broker.publish !== 'function')
    throw new InvalidOptionError(
      'deadLetter.broker',
      deadLetter.broker,
      "Give the broker that keeps messages which cannot be handled, or choose exhausted: 'stop' or 'discard'.",
    )
  const topicOf = callback('deadLetter.topic', deadLetter.topic) as DeadLetterPlace['topicOf'] | undefined
  if (topicOf === undefined && broker === own && (pattern === '>' || pattern.endsWith('.>')))
    throw new InvalidOptionError(
      'deadLetter.topic',
      undefined,
      `"${pattern}" matches the dead letters too: give a topic outside of it, such as (m) => \`dead.\${m.topic}\`, or a broker of their own.`,
    )
  const timeoutMs = positive('deadLetter.timeoutMs', deadLetter.timeoutMs, defaultTimeoutMs)
  return {
    broker,
    same: broker === own,
    topicOf: topicOf ?? (({ topic }) => `${topic}.dlq`),
    timeoutMs,
    pattern,
    group,
  }
}

function checkHandler(handler: unknown): void {
  if (typeof handler !== 'function') throw new InvalidOptionError('handler', handler, 'Give a function.')
}

function checkSource(source: unknown): void {
  const given = source as Partial<Subscription & AnySource> | null | undefined
  if (typeof given?.poll === 'function' || typeof given?.broker?.subscribe === 'function') return
  throw new InvalidOptionError('source', source, 'Give a subscription that is read, or { broker, pattern }.')
}
