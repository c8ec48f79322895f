import { Bell } from '../../core/bell.ts'
import type { RecordSource } from '../../log/record-source.ts'
import { StoredGroupMessage } from './group-message.ts'
import type { LiveGroup } from './live-group.ts'

/** What a member of a group reads: deliveries, as many as it asks for. */
export class GroupMember implements RecordSource {
  readonly failure: undefined
  readonly #group: LiveGroup
  readonly #bell = new Bell()
  #stopped = false
  #closed = false
  #held = 0
  /** The last look found nothing. */
  #dry = true

  constructor(group: LiveGroup) {
    this.#group = group
  }

  /** The lag belongs to the group; a member has only what it was given. */
  get pending(): number {
    return 0
  }

  get exhausted(): boolean {
    return this.#stopped
  }

  /** Deliveries it has been given so far: members with fewer go first. */
  get held(): number {
    return this.#held
  }

  get waiting(): boolean {
    return !this.#bell.idle
  }

  take(): StoredGroupMessage | undefined {
    if (this.#stopped || this.#closed) return undefined
    const { state, settings } = this.#group
    const delivery = state.take(this)
    this.#dry = delivery === undefined
    if (delivery === undefined) return undefined
    this.#held++
    return new StoredGroupMessage(delivery, state, settings.ackDeadlineMs)
  }

  takeBatch(max: number): readonly StoredGroupMessage[] {
    const batch: StoredGroupMessage[] = []
    while (batch.length < max) {
      const message = this.take()
      if (message === undefined) break
      batch.push(message)
    }
    return batch
  }

  wait(): Promise<void> {
    const waited = this.#bell.wait()
    this.#group.awaitRecords()
    // Whoever stopped taking by itself, to let others have their turn, has only to look again.
    if (!this.#dry || this.#stopped || this.#closed) this.#bell.ringAll()
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
