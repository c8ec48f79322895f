import type { MailboxName } from './errors.ts'
import type { Host, MailboxOwner } from './mailbox.ts'
import type { Message } from './message.ts'
import { isInside } from './origin.ts'
import { RingBuffer } from './ring-buffer.ts'
import type { Waiter, WaitingRoom } from './ticket.ts'

/** The copies whose publishers wait for room in one mailbox, first come first served. */
export class WaitingLine {
  readonly #room: WaitingRoom
  readonly #owner: MailboxOwner
  readonly #host: Host
  readonly #waiters = new RingBuffer<Waiter>()

  constructor(room: WaitingRoom, owner: MailboxOwner, host: Host) {
    this.#room = room
    this.#owner = owner
    this.#host = host
  }

  get length(): number {
    return this.#waiters.size
  }

  get first(): Waiter | undefined {
    return this.#waiters.at(0)
  }

  /** Lets the publisher wait; false when it would wait for itself, which its ticket has been told. */
  add(message: Message, timeoutMs: number): boolean {
    const { desk, observers, reports } = this.#host
    const ticket = desk.open(message)
    if (isInside(this.#owner)) {
      ticket.refuseOwn(this.#name)
      return false
    }
    this.#waiters.push(ticket.wait(this.#room, timeoutMs))
    const event = { subscription: this.#name, message }
    if (observers.wants('blocked')) reports.add(() => observers.emit('blocked', event))
    return true
  }

  /** Takes the first one out of the line: its copy has been accepted. */
  admit(): void {
    const waiter = this.#waiters.shift()
    if (waiter === undefined) return
    waiter.ticket.release(waiter)
    this.#report(waiter, true)
  }

  /** Takes one out that waits no longer; false when it is not here. */
  remove(waiter: Waiter): boolean {
    if (!this.#waiters.remove(waiter)) return false
    this.#report(waiter, false)
    return true
  }

  /** Sends all away, because the mailbox or the whole broker ends; returns their copies. */
  dismiss(brokerEnds: boolean): Message[] {
    const messages: Message[] = []
    for (let waiter = this.#waiters.shift(); waiter !== undefined; waiter = this.#waiters.shift()) {
      messages.push(waiter.message)
      this.#report(waiter, false)
      if (brokerEnds) waiter.ticket.lose(waiter)
      else waiter.ticket.release(waiter)
    }
    return messages
  }

  get #name(): MailboxName {
    return this.#owner.name
  }

  #report(waiter: Waiter, accepted: boolean): void {
    const { observers, clock, reports } = this.#host
    if (!observers.wants('unblocked')) return
    const waitedMs = clock.now() - waiter.since
    const event = { subscription: this.#name, message: waiter.message, accepted, waitedMs }
    reports.add(() => observers.emit('unblocked', event))
  }
}
