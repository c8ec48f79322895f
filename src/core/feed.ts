import { Cohort } from './cohort.ts'
import { invariant, type MailboxName } from './errors.ts'
import type { Host, MailboxOwner } from './mailbox.ts'
import type { Message } from './message.ts'
import type { PrivateMailbox } from './private-mailbox.ts'

/** What a feed knows of its fan-out. */
export interface FedFanout {
  /** Messages published to the pattern so far. */
  readonly head: number
  /** A mailbox must be offered messages from now on. */
  hasQueues(): void
}

/** Offers each message of a pattern to its private mailboxes, but not to those that are full and asleep. */
export class Feed {
  readonly #fanout: FedFanout
  readonly #host: Host
  readonly #fed: (PrivateMailbox | Cohort)[] = []
  readonly #asleep: PrivateMailbox[] = []
  #offering: Message | undefined
  /** A seat among the fed mailboxes has changed hands. */
  #moved = false
  /** Mailboxes asleep that must be named to every publisher; kept until one of them wakes or another falls asleep. */
  #refusing: readonly MailboxName[] | undefined
  /** How many of those asleep they are. */
  #refusers = 0

  constructor(fanout: FedFanout, host: Host) {
    this.#fanout = fanout
    this.#host = host
  }

  get head(): number {
    return this.#fanout.head
  }

  /** True when nobody need be offered the next message, nor be named to its publisher. */
  get idle(): boolean {
    return this.#fed.length + this.#refusers === 0
  }

  /** True while a message is being offered: some mailboxes may still be owed it. */
  get offering(): boolean {
    return this.#offering !== undefined
  }

  offer(message: Message): void {
    const outer = this.#offering
    this.#offering = message
    this.#host.reports.hold()
    if (this.#refusers > 0) this.#refuse(message)
    // One that goes to sleep or leaves gives its seat to the last, which may stand anywhere then: look again.
    do {
      this.#moved = false
      for (let seat = 0; seat < this.#fed.length;) {
        const mailbox = this.#fed[seat] as PrivateMailbox | Cohort // the seat is below the length
        if (mailbox.seen < this.head) mailbox.offer(message)
        if (this.#fed[seat] === mailbox) seat++
      }
    } while (this.#moved)
    this.#offering = outer
    this.#host.reports.release()
  }

  /** Finishes what an offer further up the stack has begun, so that a nested publish does not overtake it. */
  finishOffer(): void {
    if (this.#offering !== undefined) this.offer(this.#offering)
  }

  feed(mailbox: PrivateMailbox | Cohort): void {
    mailbox.seat = this.#fed.length
    mailbox.seen = this.head
    this.#fed.push(mailbox)
    this.#fanout.hasQueues()
  }

  /** It shall be offered nothing any more. */
  unfeed(mailbox: PrivateMailbox): void {
    if (mailbox.seat < 0) return
    if (mailbox.asleep) {
      this.#leaveBed(mailbox)
    } else {
      removeSeat(this.#fed, mailbox)
      this.#moved = true
    }
  }

  /** Puts an empty `latest` mailbox together with others that are empty; it need not be fed by itself. */
  gather(mailbox: PrivateMailbox): void {
    const { settings } = mailbox.owner
    this.unfeed(mailbox)
    let cohort = this.#fed.find((fed) => fed instanceof Cohort && fed.suits(settings)) as Cohort | undefined
    if (cohort === undefined) {
      cohort = new Cohort(settings, this.#host, () => this.head)
      this.feed(cohort)
    }
    mailbox.join(cohort)
  }

  /** It leaves its cohort and must be offered messages by itself. */
  separate(mailbox: PrivateMailbox, cohort: Cohort): void {
    cohort.remove(mailbox)
    if (cohort.members.size === 0) {
      removeSeat(this.#fed, cohort)
      this.#moved = true
    }
    this.feed(mailbox)
    mailbox.seen = cohort.seen // it may still be owed the message that is being offered
  }

  /** It is full: it need not be offered anything until it has been read. */
  sleep(mailbox: PrivateMailbox): void {
    removeSeat(this.#fed, mailbox)
    this.#moved = true
    mailbox.seat = this.#asleep.length
    this.#asleep.push(mailbox)
    if (mailbox.owner.settings.overflow !== 'fail') return
    this.#refusing = undefined
    this.#refusers++
  }

  /** It has been read and must be offered again. */
  awaken(mailbox: PrivateMailbox): void {
    this.#leaveBed(mailbox)
    this.feed(mailbox)
  }

  /** Makes every mailbox take part in the next offer. */
  awakenAll(): void {
    for (const mailbox of [...this.#asleep]) mailbox.awaken()
    for (const fed of [...this.#fed])
      if (fed instanceof Cohort) for (const member of [...fed.members]) member.separate()
  }

  owners(): MailboxOwner[] {
    const all = [...this.#fed, ...this.#asleep].flatMap((fed) =>
      fed instanceof Cohort ? [...fed.members] : [fed],
    )
    return all.map((mailbox) => mailbox.owner)
  }

  #leaveBed(mailbox: PrivateMailbox): void {
    removeSeat(this.#asleep, mailbox)
    if (mailbox.owner.settings.overflow !== 'fail') return
    this.#refusing = undefined
    this.#refusers--
  }

  #refuse(message: Message): void {
    this.#refusing ??= this.#asleep.filter((mailbox) => mailbox.refuses).map((mailbox) => mailbox.name)
    this.#host.desk.open(message).refuse(this.#refusing)
  }
}

function removeSeat<Seated extends { seat: number }>(list: Seated[], leaver: Seated): void {
  const last = list.pop()
  invariant(last !== undefined, 'what leaves a list is in it')
  if (last !== leaver) {
    last.seat = leaver.seat
    list[leaver.seat] = last
  }
  leaver.seat = -1
}
