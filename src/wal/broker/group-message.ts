import type { Headers } from '../../core/message.ts'
import type { Delivery } from '../../log/group/delivery.ts'
import type { GroupState } from '../../log/group/group-state.ts'
import type { GroupDelivery } from '../contract.ts'
import type { StoredRecord } from '../store/stored-record.ts'
import { duration } from '../../core/settings.ts'

/** A record in the hands of a member of a group. */
export class GroupMessage implements GroupDelivery {
  readonly #delivery: Delivery<StoredRecord>
  readonly #group: GroupState<StoredRecord>
  readonly #ackDeadlineMs: number

  constructor(delivery: Delivery<StoredRecord>, group: GroupState<StoredRecord>, ackDeadlineMs: number) {
    this.#delivery = delivery
    this.#group = group
    this.#ackDeadlineMs = ackDeadlineMs
  }

  get topic(): string {
    return this.#delivery.record.topic
  }

  get payload(): unknown {
    return this.#delivery.record.payload
  }

  get headers(): Headers {
    return this.#delivery.record.headers
  }

  get id(): string {
    return this.#delivery.record.id
  }

  get time(): number {
    return this.#delivery.record.time
  }

  get offset(): number {
    return this.#delivery.record.offset
  }

  get seq(): number {
    return this.#delivery.record.seq
  }

  get tombstone(): boolean {
    return this.#delivery.record.tombstone
  }

  get key(): string | undefined {
    return this.#delivery.record.key
  }

  get attempt(): number {
    return this.#delivery.attempt
  }

  ack(): boolean {
    return this.#group.ack(this.#delivery)
  }

  nak(options?: { readonly delayMs?: number }): boolean {
    return this.#group.nak(this.#delivery, duration('delayMs', options?.delayMs, 0))
  }

  extend(ms?: number): boolean {
    return this.#group.extend(this.#delivery, duration('ms', ms, this.#ackDeadlineMs))
  }

  toJSON(): object {
    return { ...this.#delivery.record.toJSON(), attempt: this.attempt }
  }
}
