import { Bell } from '../core/bell.ts'
import type { RecordSource } from '../log/record-source.ts'
import type { SpillwayError } from '../core/errors.ts'
import type { KafkaGroupMessage } from './group-message.ts'
import type { LiveGroup } from './live-group.ts'

/** What a member of a group reads: deliveries, as many as it asks for. */
export class GroupMember implements RecordSource {
  readonly #group: LiveGroup
  readonly #bell = new Bell()
  #stopped = false
  #closed = false
  #held: number
  /** It has looked and found nothing. */
  #dry = false

  constructor(group: LiveGroup) {
    this.#group = group
    // As if it had been there all along: it has nothing to catch up with.
    this.#held = Math.max(0, ...[...group.members].map(({ held }) => held))
  }

  /** The lag belongs to the group; a member has only what it was given. */
  get pending(): number {
    return 0
  }

  get exhausted(): boolean {
    return this.#stopped
  }

  get failure(): SpillwayError | undefined {
    return this.#group.failure
  }

  /** Deliveries it has been given so far: members with fewer go first. */
  get held(): number {
    return this.#held
  }

  get waiting(): boolean {
    return !this.#bell.idle
  }

  take(): KafkaGroupMessage | undefined {
    if (this.#stopped || this.#closed) return undefined
    const message = this.#group.take(this)
    this.#dry = message === undefined
    if (message !== undefined) this.#held++
    return message
  }

  takeBatch(max: number): readonly KafkaGroupMessage[] {
    const batch: KafkaGroupMessage[] = []
    while (batch.length < max) {
      const message = this.take()
      if (message === undefined) break
      batch.push(message)
    }
    return batch
  }

  wait(): Promise<void> {
    const waited = this.#bell.wait()
    // Whoever stopped taking by itself has only to look again.
    if (!this.#dry || this.#stopped || this.#closed || this.failure !== undefined) this.#bell.ringAll()
    return waited
  }

  wake(): void {
    this.#bell.ringAll()
  }

  stop(): void {
    this.#stopped = true
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#group.leave(this)
  }
}
