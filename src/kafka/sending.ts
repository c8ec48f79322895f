import type { Fate } from '../remote/transport-books.ts'
import type { Dated } from './deadlines.ts'
import type { KafkaReceipt } from './contract.ts'
import type { OutRecord } from './driver.ts'

/** Where a message is on its way. */
export type Stage = 'waiting' | 'queued' | 'sent'

/** A message that has been published and not answered. */
export class Sending implements Dated {
  readonly topic: string
  readonly record: OutRecord
  readonly bytes: number
  readonly deadline: number
  readonly since: number
  stage: Stage = 'waiting'
  settled = false
  readonly promise: Promise<KafkaReceipt>
  readonly #done: (sending: Sending, fate: Fate) => void
  #resolve!: (receipt: KafkaReceipt) => void // assigned by the promise's executor
  #reject!: (error: unknown) => void // likewise

  constructor(
    topic: string,
    record: OutRecord,
    since: number,
    deadlineMs: number,
    done: (sending: Sending, fate: Fate) => void,
  ) {
    this.topic = topic
    this.record = record
    this.bytes = (record.value?.byteLength ?? 0) + (record.key?.length ?? 0) + 100
    this.since = since
    this.deadline = since + deadlineMs
    this.#done = done
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  confirm({ offset, partition }: { readonly partition: number; readonly offset: number }): void {
    if (this.settled) return
    this.settled = true
    this.#done(this, 'confirmed')
    this.#resolve({ level: 'written', routed: true, partition, offset })
  }

  fail(fate: 'failed' | 'unknown', error: unknown): void {
    if (this.settled) return
    this.settled = true
    this.#done(this, fate)
    this.#reject(error)
  }
}
