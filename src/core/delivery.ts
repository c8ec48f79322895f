import type { Message } from './message.ts'

export interface NakOptions {
  /** Not before so many milliseconds. @defaultValue 0 */
  readonly delayMs?: number
}

/**
 * A message in the hands of a member of a group, until it is settled or its deadline passes: what every broker with the
 * capability `acks` delivers to groups. The three calls return whether they still had an effect: at once where the
 * broker is in this process, as a promise where a server has to confirm it. The promise never rejects: a server that
 * cannot be reached is false, and the message will be delivered again. `await` serves both.
 */
export interface Delivery<Payload = unknown, Topic extends string = string> extends Message<Payload, Topic> {
  /** What the message was published under, if anything. */
  readonly key: string | undefined
  /** Which delivery of this message it is, from 1. */
  readonly attempt: number
  /** It was handled. False when it was too late: it has been delivered again, or was settled before. */
  ack(): boolean | Promise<boolean>
  /** It was not handled: deliver it again, at once or after `delayMs`. False when it was too late. */
  nak(options?: NakOptions): boolean | Promise<boolean>
  /**
   * Begins its deadline anew; `ms` overrides the group's deadline where the broker can. False when it was too late.
   * Brokers without a deadline have nothing to extend and say true while the delivery is open.
   */
  extend(ms?: number): boolean | Promise<boolean>
}

/** Whether a message must be settled. */
export function isDelivery(message: Message): message is Delivery {
  return typeof (message as Partial<Delivery>).ack === 'function'
}
