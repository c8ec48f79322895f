import { describeMailbox } from './errors.ts'
import type { Fanout } from './fanout.ts'
import type { MailboxOwner } from './mailbox.ts'
import type { Observers } from './observers.ts'

/** Warns when two blocking mailboxes can meet on one topic: each makes the publishers of the other wait. */
export function warnOfSecondBlock(
  second: MailboxOwner,
  fanouts: Iterable<Fanout>,
  observers: Observers,
): void {
  const subscription = second.name
  for (const fanout of fanouts) {
    if (!overlaps(fanout.pattern, subscription.pattern)) continue
    for (const first of fanout.owners()) {
      if (first === second || first.settings.whenFull !== 'block') continue
      const text =
        `${describeMailbox(subscription)} is a second "block" subscription beside ${describeMailbox(first.name)}: ` +
        `the slowest of them sets the pace of every publisher they share.`
      observers.warn({ code: 'second-block-subscription', text, subscription })
      return
    }
  }
}

/** Says whether some topic matches both valid patterns. */
function overlaps(one: string, other: string): boolean {
  const left = one.split('.')
  const right = other.split('.')
  for (let index = 0; ; index++) {
    const [a, b] = [left[index], right[index]]
    if (a === undefined || b === undefined) return a === b
    if (a === '>' || b === '>') return true // the other has at least this one token left
    if (a !== b && a !== '*' && b !== '*') return false
  }
}
