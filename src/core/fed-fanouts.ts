import type { Fanout } from './fanout.ts'

/**
 * The fan-outs of a broker whose server has matched topics and patterns already: one for each pattern, and one for each
 * group on it, because the server sends each of them copies of its own. They are found by name, and whoever receives
 * those copies delivers them.
 */
export class FedFanouts {
  readonly #fanouts = new Map<string, Fanout>()
  readonly #keys = new Map<Fanout, string>()
  readonly #retired: (fanout: Fanout) => void

  /** `retired` hears of a fan-out that has lost its last mailbox. */
  constructor(retired: (fanout: Fanout) => void) {
    this.#retired = retired
  }

  get(pattern: string, group: string | undefined): Fanout | undefined {
    return this.#fanouts.get(keyOf(pattern, group))
  }

  add(fanout: Fanout, group: string | undefined): void {
    const key = keyOf(fanout.pattern, group)
    this.#fanouts.set(key, fanout)
    this.#keys.set(fanout, key)
  }

  delete(fanout: Fanout): void {
    const key = this.#keys.get(fanout)
    if (key === undefined) return
    this.#keys.delete(fanout)
    this.#fanouts.delete(key)
    this.#retired(fanout)
  }
}

/** No pattern has a space in it. */
function keyOf(pattern: string, group: string | undefined): string {
  return group === undefined ? pattern : `${pattern} ${group}`
}
