import type { Msg } from '@nats-io/nats-core'
import type { NakOptions } from '../../core/delivery.ts'
import { duration } from '../../core/settings.ts'
import type { Wire } from '../../remote/wire.ts'
import type { AckInfo } from './ack-info.ts'
import type { JetStreamDelivery } from './contract.ts'
import type { Outcome } from './group-books.ts'
import { StoredMessage } from './stored-message.ts'

/**
 * How far a delivery has come: it waits in its member, is in the hands of a consumer, has been settled but the server has
 * not confirmed it, or is over.
 */
export type DeliveryState = 'waiting' | 'in-hand' | 'settling' | 'over'

/** The consumer it came from. */
export interface DeliveryFeed {
  readonly ackDeadlineMs: number
  readonly open: Map<number, GroupDelivery>
}

/** Who has delivered it. */
export interface DeliveryOwner {
  settle(
    delivery: GroupDelivery,
    outcome: Extract<Outcome, 'acked' | 'nacked'>,
    delayMs: number,
  ): Promise<boolean>
  extend(delivery: GroupDelivery, ms: number | undefined): Promise<boolean>
}

/** A message in the hands of a member of a group. */
export class GroupDelivery extends StoredMessage implements JetStreamDelivery {
  /** Where the server is told about it. */
  readonly reply: string
  state: DeliveryState = 'waiting'
  orderingKey: string | undefined
  /** When the server delivers it again unless it hears something, and when it may not be settled any more. */
  serverDueAt = 0
  deadline: number = Number.POSITIVE_INFINITY
  readonly feed: DeliveryFeed
  readonly #owner: DeliveryOwner

  constructor(owner: DeliveryOwner, feed: DeliveryFeed, msg: Msg, info: AckInfo, wire: Wire) {
    super(msg, info, wire)
    this.#owner = owner
    this.feed = feed
    this.reply = msg.reply ?? ''
  }

  get attempt(): number {
    return this.info.attempt
  }

  ack(): Promise<boolean> {
    return this.#owner.settle(this, 'acked', 0)
  }

  nak(options?: NakOptions): Promise<boolean> {
    return this.#owner.settle(this, 'nacked', duration('delayMs', options?.delayMs, 0))
  }

  extend(ms?: number): Promise<boolean> {
    return this.#owner.extend(this, ms === undefined ? undefined : duration('ms', ms, 0))
  }

  override toJSON(): object {
    return { ...super.toJSON(), attempt: this.attempt }
  }
}
