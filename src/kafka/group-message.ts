import type { Headers } from '../core/message.ts'
import { duration } from '../core/settings.ts'
import type { Delivery } from '../log/group/delivery.ts'
import type { GroupState } from '../log/group/group-state.ts'
import type { KafkaDelivery } from './contract.ts'
import type { KafkaRecord } from './kafka-record.ts'

/** A record in the hands of a member of a group. */
export class GroupMessage implements KafkaDelivery {
  readonly #delivery: Delivery<KafkaRecord>
  readonly #state: GroupState<KafkaRecord>
  readonly #ackDeadlineMs: number

  constructor(delivery: Delivery<KafkaRecord>, state: GroupState<KafkaRecord>, ackDeadlineMs: number) {
    this.#delivery = delivery
    this.#state = state
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

  get key(): string | undefined {
    return this.#delivery.record.key
  }

  get partition(): number {
    return this.#delivery.record.partition
  }

  get offset(): number {
    return this.#delivery.record.offset
  }

  get tombstone(): boolean {
    return this.#delivery.record.tombstone
  }

  get raw(): Uint8Array {
    return this.#delivery.record.raw
  }

  get attempt(): number {
    return this.#delivery.attempt
  }

  ack(): boolean {
    return this.#state.ack(this.#delivery)
  }

  nak(options?: { readonly delayMs?: number }): boolean {
    return this.#state.nak(this.#delivery, duration('delayMs', options?.delayMs, 0))
  }

  extend(ms?: number): boolean {
    return this.#state.extend(this.#delivery, duration('ms', ms, this.#ackDeadlineMs))
  }

  toJSON(): object {
    return { ...this.#delivery.record.toJSON(), attempt: this.attempt }
  }
}
