import type { Delivery as GroupDelivery, NakOptions } from '../../core/delivery.ts'
import type { Headers, Message } from '../../core/message.ts'
import { duration } from '../../core/settings.ts'
import type { Delivery, GroupRecord } from './delivery.ts'
import type { GroupState } from './group-state.ts'

/** A record that is a message, as members of a group are given it. */
export interface MessageRecord extends GroupRecord, Message {
  readonly key: string | undefined
  /** Its number in its topic, or in its part of the topic. */
  readonly offset: number
  readonly tombstone: boolean
  toJSON(): object
}

/** A record in the hands of a member of a group, which this process keeps. */
export class GroupMessage<R extends MessageRecord> implements GroupDelivery {
  protected readonly record: R
  readonly #delivery: Delivery<R>
  readonly #group: GroupState<R>
  readonly #ackDeadlineMs: number

  constructor(delivery: Delivery<R>, group: GroupState<R>, ackDeadlineMs: number) {
    this.record = delivery.record
    this.#delivery = delivery
    this.#group = group
    this.#ackDeadlineMs = ackDeadlineMs
  }

  get topic(): string {
    return this.record.topic
  }

  get payload(): unknown {
    return this.record.payload
  }

  get headers(): Headers {
    return this.record.headers
  }

  get id(): string {
    return this.record.id
  }

  get time(): number {
    return this.record.time
  }

  get key(): string | undefined {
    return this.record.key
  }

  get offset(): number {
    return this.record.offset
  }

  get tombstone(): boolean {
    return this.record.tombstone
  }

  get attempt(): number {
    return this.#delivery.attempt
  }

  ack(): boolean {
    return this.#group.ack(this.#delivery)
  }

  nak(options?: NakOptions): boolean {
    return this.#group.nak(this.#delivery, duration('delayMs', options?.delayMs, 0))
  }

  extend(ms?: number): boolean {
    return this.#group.extend(this.#delivery, duration('ms', ms, this.#ackDeadlineMs))
  }

  toJSON(): object {
    return { ...this.record.toJSON(), attempt: this.attempt }
  }
}
