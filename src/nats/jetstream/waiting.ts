import type { GroupDelivery } from './group-delivery.ts'

/** The deliveries of a member that nobody has taken. Those whose key is in hand stay, and let others go before them. */
export class Waiting {
  #queue: GroupDelivery[] = []
  #head = 0
  readonly #busy = new Set<string>()

  get size(): number {
    return this.#queue.length - this.#head
  }

  /** How many may be taken at once. */
  get free(): number {
    if (this.#busy.size === 0) return this.size
    let free = 0
    for (let at = this.#head; at < this.#queue.length; at++) if (this.#isFree(this.#queue[at])) free++
    return free
  }

  push(delivery: GroupDelivery): void {
    this.#queue.push(delivery)
  }

  /** The next one whose key is free; the key is not from now on. */
  shift(): GroupDelivery | undefined {
    const first = this.#queue[this.#head]
    if (first === undefined) return undefined
    if (this.#busy.size > 0 && !this.#isFree(first)) return this.#shiftFree()
    this.#head++
    if (this.#head === this.#queue.length || this.#head > 1024) {
      this.#queue = this.#queue.slice(this.#head)
      this.#head = 0
    }
    return this.#claim(first)
  }

  /** Nobody has a message of this key in hand any more. Returns whether others may be waiting for that. */
  release(key: string | undefined): boolean {
    return key !== undefined && this.#busy.delete(key) && this.size > 0
  }

  remove(delivery: GroupDelivery): void {
    const at = this.#queue.indexOf(delivery, this.#head)
    if (at >= 0) this.#queue.splice(at, 1)
  }

  /** Takes all of them. */
  clear(): readonly GroupDelivery[] {
    const all = this.#queue.slice(this.#head)
    this.#queue = []
    this.#head = 0
    return all
  }

  #shiftFree(): GroupDelivery | undefined {
    for (let at = this.#head + 1; at < this.#queue.length; at++) {
      const delivery = this.#queue[at]
      if (delivery === undefined || !this.#isFree(delivery)) continue
      this.#queue.splice(at, 1)
      return this.#claim(delivery)
    }
    return undefined
  }

  #claim(delivery: GroupDelivery): GroupDelivery {
    if (delivery.orderingKey !== undefined) this.#busy.add(delivery.orderingKey)
    return delivery
  }

  #isFree(delivery: GroupDelivery | undefined): boolean {
    const key = delivery?.orderingKey
    return key === undefined || !this.#busy.has(key)
  }
}
