import { setImmediate } from 'node:timers/promises'
import {
  assertBalanced,
  type Broker,
  type DropReason,
  type MailboxCounts,
  type Subscription,
} from '../../src/index.ts'

/** Lets every microtask run that waits for nothing else. */
export async function turn(): Promise<void> {
  await setImmediate()
}

/** Lets turns pass until the condition holds; gives up loudly when it never does. */
export async function until(condition: () => boolean, turns = 10_000): Promise<void> {
  for (let left = turns; !condition(); left--) {
    if (left === 0) throw new Error(`still not after ${turns} turns: ${condition.toString()}`)
    await setImmediate()
  }
}

/** What has become of a promise so far. */
export interface Watched<T> {
  state: 'pending' | 'resolved' | 'rejected'
  value: T | undefined
  error: unknown
}

/** Follows a promise without waiting for it. A watched promise is never an unhandled rejection. */
export function watch<T>(promise: Promise<T>): Watched<T> {
  const watched: Watched<T> = { state: 'pending', value: undefined, error: undefined }
  promise.then(
    (value) => Object.assign(watched, { state: 'resolved', value }),
    (error: unknown) => Object.assign(watched, { state: 'rejected', error }),
  )
  return watched
}

/** The error a promise rejects with. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  let value: unknown
  try {
    value = await promise
  } catch (error) {
    return error
  }
  throw new Error(`expected a rejection, got ${JSON.stringify(value)}`)
}

/** Something that settles when the test says so. */
export class Gate {
  readonly opened: Promise<void>
  open!: () => void // assigned by the executor, which runs synchronously

  constructor() {
    this.opened = new Promise((resolve) => {
      this.open = resolve
    })
  }
}

/** Takes everything pending and returns the payloads. */
export function takeAll<Payload = unknown>(subscription: Subscription): Payload[] {
  const payloads: unknown[] = []
  for (let message = subscription.poll(); message !== undefined; message = subscription.poll()) {
    payloads.push(message.payload)
  }
  return payloads as Payload[]
}

/** The drop reasons that are not zero. */
export function losses(counts: MailboxCounts): Partial<Record<DropReason, number>> {
  return Object.fromEntries(Object.entries(counts.dropped).filter(([, count]) => count > 0))
}

/** The counters of a mailbox without the zeros among its drops. */
export function books(counts: MailboxCounts): object {
  const { routed, delivered, pending, waiting } = counts
  return { routed, delivered, dropped: losses(counts), pending, waiting }
}

/** The sum of all ended mailboxes, after checking that the whole ledger balances. */
export function endedBooks(broker: Broker): object {
  const ledger = broker.ledger()
  assertBalanced(ledger)
  return books(ledger.ended)
}

/** The whole numbers from `start` up to but without `end`. */
export function range(start: number, end: number): number[] {
  return Array.from({ length: end - start }, (_, index) => start + index)
}
