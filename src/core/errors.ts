/**
 * Every error Spillway throws or rejects with: one class per cause, a stable `code`, and fields for what a
 * program may need. `docs/errors.md` lists them with their fixes; a test holds the two together.
 */

/** Base class of every error of this library. `code` is stable across versions; the message is for people. */
export class SpillwayError extends Error {
  override readonly name: string = 'SpillwayError'
  readonly code: string = 'SPW_ERROR'
}

/** A subscription or queue group as an error names it. */
export interface MailboxName {
  readonly id: string
  readonly pattern: string
  readonly group?: string
}

/** The topic given to publish is not a topic. `position` is the index of the first offending character. */
export class InvalidTopicError extends SpillwayError {
  override readonly name = 'InvalidTopicError'
  override readonly code = 'SPW_INVALID_TOPIC'
  readonly topic: unknown
  readonly position: number

  constructor(topic: unknown, position: number, reason: string) {
    super(`Invalid topic ${quote(topic)} at position ${position}: ${reason}`)
    this.topic = topic
    this.position = position
  }
}

/** The pattern given to subscribe is not a pattern. `position` is the index of the first offending character. */
export class InvalidPatternError extends SpillwayError {
  override readonly name = 'InvalidPatternError'
  override readonly code = 'SPW_INVALID_PATTERN'
  readonly pattern: unknown
  readonly position: number

  constructor(pattern: unknown, position: number, reason: string) {
    super(`Invalid pattern ${quote(pattern)} at position ${position}: ${reason}`)
    this.pattern = pattern
    this.position = position
  }
}

/** An option has a value it cannot have. Thrown at the call, before any effect. */
export class InvalidOptionError extends SpillwayError {
  override readonly name = 'InvalidOptionError'
  override readonly code = 'SPW_INVALID_OPTION'
  readonly option: string
  readonly value: unknown

  constructor(option: string, value: unknown, reason: string) {
    super(`Invalid option ${option}: ${quote(value)}. ${reason}`)
    this.option = option
    this.value = value
  }
}

/** A broker does not promise what `requires` asks for. Thrown at the start, before any effect. */
export class CapabilityMissingError extends SpillwayError {
  override readonly name = 'CapabilityMissingError'
  override readonly code = 'SPW_CAPABILITY_MISSING'
  readonly broker: string
  readonly missing: readonly string[]

  constructor(broker: string, missing: readonly string[], provides: readonly string[]) {
    super(
      `The broker "${broker}" does not provide ${missing.join(', ')}. It provides: ${provides.join(', ')}. Choose another ` +
        `broker, or leave out of \`requires\` what you can do without.`,
    )
    this.broker = broker
    this.missing = missing
  }
}

/** A second member asked a queue group for options that contradict those of the member that founded it. */
export class GroupConflictError extends SpillwayError {
  override readonly name = 'GroupConflictError'
  override readonly code = 'SPW_GROUP_CONFLICT'
  readonly group: string
  readonly pattern: string
  readonly option: string

  constructor(group: string, pattern: string, option: string, founder: string, has: unknown, asked: unknown) {
    super(
      `Queue group "${group}" on "${pattern}" was founded by ${founder} with ${option} = ${quote(has)}; a new member ` +
        `asked for ${option} = ${quote(asked)}. The mailbox belongs to the group: give every member the same ${option}, ` +
        `or leave it out when joining.`,
    )
    this.group = group
    this.pattern = pattern
    this.option = option
  }
}

/** The payload did not pass the schema of its topic. Nothing was delivered. */
export class PayloadInvalidError extends SpillwayError {
  override readonly name = 'PayloadInvalidError'
  override readonly code = 'SPW_PAYLOAD_INVALID'
  readonly topic: string
  readonly issues: readonly SchemaIssue[]

  constructor(topic: string, issues: readonly SchemaIssue[]) {
    const shown = issues.slice(0, 3).map((issue) => issue.message)
    const more = issues.length > 3 ? ` (and ${issues.length - 3} more)` : ''
    super(`Payload for "${topic}" is not valid: ${shown.join('; ')}${more}. Nothing was delivered.`)
    this.topic = topic
    this.issues = issues
  }
}

/** One finding of a Standard Schema validation. */
export interface SchemaIssue {
  readonly message: string
  readonly path?: readonly unknown[] | undefined
}

/**
 * A publish waited for full mailboxes until its deadline, or until its signal aborted (then `cause` is the
 * signal's reason). `stalled` names every mailbox that did not take its copy; those copies were dropped and counted.
 * `refused` names the `fail` mailboxes of the same publish that were full.
 */
export class PublishTimeoutError extends SpillwayError {
  override readonly name = 'PublishTimeoutError'
  override readonly code = 'SPW_PUBLISH_TIMEOUT'
  readonly topic: string
  readonly stalled: readonly MailboxName[]
  readonly refused: readonly MailboxName[]

  constructor(
    topic: string,
    stalled: readonly MailboxName[],
    refused: readonly MailboxName[],
    waitedMs: number,
    options?: { readonly cause?: unknown },
  ) {
    const why = options !== undefined && 'cause' in options ? 'was aborted' : 'gave up'
    super(
      `Publish to "${topic}" ${why} after ${Math.round(waitedMs)} ms: ${listMailboxes(stalled)} still full. Read faster, ` +
        `raise the capacity, or choose an overflow policy that does not block.`,
      options,
    )
    this.topic = topic
    this.stalled = stalled
    this.refused = refused
  }
}

/**
 * Mailboxes refused their copy; every other mailbox got its own. They were full under the policy `fail`, or no empty
 * mailbox of theirs could have held it (`capacityBytes`).
 */
export class MailboxFullError extends SpillwayError {
  override readonly name = 'MailboxFullError'
  override readonly code = 'SPW_MAILBOX_FULL'
  readonly topic: string
  readonly subscriptions: readonly MailboxName[]

  constructor(topic: string, subscriptions: readonly MailboxName[]) {
    super(
      `Publish to "${topic}" was refused by ${listMailboxes(subscriptions)}: full under the policy "fail", or too small ` +
        `for this message. Other subscriptions got their copy. Raise the capacity; retry later if it was full.`,
    )
    this.topic = topic
    this.subscriptions = subscriptions
  }
}

/** The policy `disconnect` ended this subscription because its mailbox was full. Its iteration rejects with this. */
export class SlowSubscriberError extends SpillwayError {
  override readonly name = 'SlowSubscriberError'
  override readonly code = 'SPW_SLOW_SUBSCRIBER'
  readonly subscription: MailboxName
  readonly capacity: number

  constructor(subscription: MailboxName, capacity: number) {
    super(
      `${listMailboxes([subscription])} was disconnected: its mailbox of ${capacity} was full when the next message ` +
        `came. Subscribe again to go on; raise the capacity or read faster to stay.`,
    )
    this.subscription = subscription
    this.capacity = capacity
  }
}

/**
 * A handler published to a topic that leads to its own full `block` mailbox: waiting would be waiting for itself.
 * The copy was refused and counted.
 */
export class SelfBlockError extends SpillwayError {
  override readonly name = 'SelfBlockError'
  override readonly code = 'SPW_SELF_BLOCK'
  readonly topic: string
  readonly subscriptions: readonly MailboxName[]

  constructor(topic: string, subscriptions: readonly MailboxName[]) {
    super(
      `A handler published to "${topic}", which leads to its own full mailbox (${listMailboxes(subscriptions)}, policy ` +
        `"block"). It would wait for itself. Raise the capacity, or publish after the handler has returned.`,
    )
    this.topic = topic
    this.subscriptions = subscriptions
  }
}

/** The broker is draining or closed and takes nothing new. */
export class BrokerClosedError extends SpillwayError {
  override readonly name = 'BrokerClosedError'
  override readonly code = 'SPW_BROKER_CLOSED'

  constructor(what: string) {
    super(
      `Cannot ${what}: the broker is closed or draining. Create a new broker, or stop publishing before you end it.`,
    )
  }
}

/** A second loop was started over a subscription that is already being iterated, or a closed one was reused. */
export class ConcurrentIterationError extends SpillwayError {
  override readonly name = 'ConcurrentIterationError'
  override readonly code = 'SPW_CONCURRENT_ITERATION'

  constructor(subscription: MailboxName) {
    super(
      `${listMailboxes([subscription])} is already being iterated. One loop per subscription: subscribe once per loop, ` +
        `or use a queue group to share the work.`,
    )
  }
}

/** A ledger does not add up. This is a bug of Spillway: `edge` names the equation that failed. */
export class LedgerImbalanceError extends SpillwayError {
  override readonly name = 'LedgerImbalanceError'
  override readonly code = 'SPW_LEDGER_IMBALANCE'
  readonly edge: string
  readonly left: number
  readonly right: number

  constructor(edge: string, left: number, right: number) {
    super(
      `Ledger does not balance at ${edge}: ${left} ≠ ${right}. Please report this with the ledger attached.`,
    )
    this.edge = edge
    this.left = left
    this.right = right
  }
}

/** Something inside Spillway that must be true was not. This is a bug of Spillway. */
export class InvariantError extends SpillwayError {
  override readonly name = 'InvariantError'
  override readonly code = 'SPW_INVARIANT'
}

/** Throws `InvariantError` when `condition` is false; `why` says what was expected. */
export function invariant(condition: boolean, why: string): asserts condition {
  if (!condition) throw new InvariantError(`Broken invariant: ${why}. Please report this.`)
}

function listMailboxes(names: readonly MailboxName[]): string {
  const shown = names.slice(0, 5).map(describeMailbox).join(', ')
  return names.length > 5 ? `${shown} and ${names.length - 5} more` : shown
}

/** Writes a mailbox the way every message and table does: `sub-3 on "orders.*"` or `group "billing" on "orders.*"`. */
export function describeMailbox(name: MailboxName): string {
  return name.group === undefined
    ? `${name.id} on "${name.pattern}"`
    : `group "${name.group}" on "${name.pattern}"`
}

/** Shows a value in a message without ever throwing and without printing megabytes. */
function quote(value: unknown): string {
  if (typeof value === 'string')
    return JSON.stringify(value.length > 120 ? `${value.slice(0, 117)}...` : value)
  if (typeof value === 'function') return 'a function'
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'an array' : 'an object'
  return String(value)
}
