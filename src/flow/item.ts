import { type Delivery, isDelivery } from '../core/delivery.ts'
import type { Message } from '../core/message.ts'

/** What can be told that its work is for nothing. */
interface Abortable {
  abort(reason: unknown): void
}

/** A message inside a consumer, from being taken to being settled. */
export class Item {
  readonly message: Message
  /** The message, when it must be settled. */
  readonly delivery: Delivery | undefined
  /** The attempt that runs or ran last; before the first, how many earlier deliveries there were. */
  attempt: number
  /** Its ordering key, while it holds that or waits for it. */
  key: unknown = undefined
  /** Its id, while it holds that against others with the same, or waits for it. */
  id: string | undefined = undefined
  /** Where it is, for the books. */
  place: 'queued' | 'running' | 'parked' = 'queued'
  /** The call it is in. */
  call: Abortable | undefined = undefined
  /** The broker has taken it back: whatever becomes of it here, somebody else has it. */
  lost = false

  constructor(message: Message) {
    this.message = message
    this.delivery = isDelivery(message) ? message : undefined
    this.attempt = this.delivery === undefined ? 0 : Math.max(0, this.delivery.attempt - 1)
  }
}
