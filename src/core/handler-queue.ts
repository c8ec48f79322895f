import type { Handler } from './contract.ts'
import { CursorMailbox, type Carried } from './cursor-mailbox.ts'
import type { DirectConsumer } from './call-list.ts'
import type { Fanout, Reader } from './fanout.ts'
import type { MailboxCounts } from './ledger.ts'
import type { EndReason } from './memory-subscription.ts'
import type { Message } from './message.ts'
import { PrivateMailbox } from './private-mailbox.ts'
import { isThenable } from './thenable.ts'
import { Worker } from './worker.ts'

/**
 * The copies that wait for one handler, and who calls it with them. A handler on a detour is called from here, in a
 * later microtask, until its mailbox is empty and it is idle; then publish calls it directly again.
 */
export class HandlerQueue {
  mailbox: CursorMailbox | PrivateMailbox
  readonly worker: Worker
  readonly #owner: DirectConsumer & Reader
  readonly #fanout: Fanout
  /** `direct`: publish calls the handler. `detour`: until the mailbox is empty. `always`: it asked to be queued. */
  #mode: 'direct' | 'detour' | 'always'
  #listening = false
  /** True while messages are taken and handed over: an empty mailbox does not mean that all are handled. */
  #taking = false
  #ended = false
  #whenDone: (() => void) | undefined
  readonly #pump = (): void => this.#run()

  constructor(
    owner: DirectConsumer & Reader,
    handler: Handler,
    fanout: Fanout,
    concurrency: number,
    carried?: Carried,
  ) {
    this.#owner = owner
    this.#fanout = fanout
    this.worker = new Worker(handler, concurrency, owner, fanout.host.observers, this.#pump)
    this.#mode = carried === undefined ? 'always' : 'direct'
    this.mailbox =
      carried === undefined
        ? fanout.open(owner)
        : new PrivateMailbox(owner, fanout.host, fanout.feed, [], carried)
    if (carried === undefined) this.#listen()
  }

  /** A call made by publish returned something. */
  returned(result: unknown, message: Message): void {
    if (!isThenable(result)) return
    this.worker.active++
    this.worker.follow(result, message)
    if (!this.worker.idle) this.detour()
  }

  /** Makes copies wait from now on. */
  detour(): void {
    if (this.#mode !== 'direct' || !(this.mailbox instanceof PrivateMailbox)) return
    this.#mode = 'detour'
    this.#fanout.detour(this.#owner)
    this.#fanout.feed.feed(this.mailbox)
    this.#listen()
  }

  /** Gets nothing new from now on. */
  stop(): void {
    this.#detach().stopFeeding()
  }

  /** Calls `done` when everything inside has been handled. */
  finish(done: () => void): void {
    if (this.#ended) return
    this.#whenDone = done
    this.#detach().detach(() => this.#settle())
    this.#run()
  }

  close(reason: EndReason, brokerEnds: boolean): MailboxCounts {
    this.#whenDone = undefined
    this.#ended = true
    return this.#detach().close(reason, brokerEnds)
  }

  #detach(): PrivateMailbox {
    if (this.mailbox instanceof CursorMailbox) this.mailbox = this.#fanout.detach(this.mailbox)
    this.#mode = 'always' // never called directly again
    return this.mailbox
  }

  #run(): void {
    const { worker } = this
    const { reports } = this.#fanout.host
    const outer = this.#taking // a handler may have led here
    this.#taking = true
    // Not more than was there: a handler that publishes to itself must leave the others their turn.
    for (let left = this.mailbox.pending; left > 0 && worker.idle; left--) {
      reports.hold() // what taking it has caused is reported when it has been handed over
      const message = this.mailbox.take()
      if (message !== undefined) worker.runQueued(message)
      reports.release()
    }
    this.#taking = outer
    if (this.#settle() || !worker.idle) return // it runs again when a call has settled
    if (this.#mode === 'detour' && this.mailbox.pending === 0 && !this.#fanout.busy) {
      this.#goDirect()
    } else {
      this.#listen()
    }
  }

  #goDirect(): void {
    if (!(this.mailbox instanceof PrivateMailbox)) return
    this.#mode = 'direct'
    this.#fanout.feed.unfeed(this.mailbox)
    this.#fanout.direct(this.#owner)
  }

  /** Says whether a drain has just been finished. */
  #settle(): boolean {
    if (this.#whenDone === undefined || this.#taking) return false
    if (this.worker.active > 0 || this.mailbox.pending > 0) return false
    this.#whenDone()
    return true
  }

  #listen(): void {
    if (this.#listening || this.#ended || this.#mode === 'direct') return
    this.#listening = true
    const more = this.mailbox.pending > 0
    void (more ? settled : this.mailbox.wait()).then(() => {
      this.#listening = false
      this.#run()
    })
  }
}

const settled: Promise<void> = Promise.resolve()
