import type { Wire } from '../../remote/wire.ts'
import type { JetStreamMessage } from './contract.ts'
import type { Courier } from './courier.ts'
import type { GroupBooks } from './group-books.ts'
import type { Link } from './link.ts'

/** How a member of a group takes messages. */
export interface MemberSettings {
  readonly prefetch: number
  /** Calls of its handler that may be under way; 1 for a member that is read. */
  readonly concurrency: number
  readonly orderingKey: ((message: JetStreamMessage) => string | undefined) | undefined
}

/** What members share. */
export interface MemberParts {
  readonly link: Link
  readonly wire: Wire
  readonly courier: Courier
  readonly books: GroupBooks
  /** The server had removed a consumer. */
  readonly gone: (stream: string) => void
  /** Retention has removed so many messages before the group had them. */
  readonly overtaken: (stream: string, messages: number) => void
  /** The ordering key could not be told: the message has none. */
  readonly keyFailed: (error: unknown) => void
}
