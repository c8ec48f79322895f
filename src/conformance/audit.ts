import { deepStrictEqual, strictEqual } from 'node:assert/strict'
import type { Subscription } from '../core/contract.ts'
import { SpillwayError } from '../core/errors.ts'
import { assertBalanced } from '../core/ledger.ts'
import type { Transport } from './contract.ts'
import { ConformanceError } from './errors.ts'
import type { Script } from './script.ts'
import { turn } from './wait.ts'
import { World } from './world.ts'

/** Plays a script in a world of its own, then audits what it leaves; what was opened is closed whatever happens. */
export async function playAndAudit(script: Script, transport: Transport): Promise<void> {
  const world = new World(transport)
  try {
    await script.play(world)
    balance(world)
    await endSubscriptions(world)
    await endBrokers(world)
  } catch (error) {
    // What is wrong has been found; closing is for the next scenario, and must not hide it.
    const closing = world.opened.map(({ broker }) => broker.close())
    await world.within(Promise.allSettled(closing), 'close').catch(() => undefined)
    throw error
  }
}

function balance({ opened }: World): void {
  for (const { broker } of opened) assertBalanced(broker.ledger())
}

/** Closes every subscription and sees that none is left in the books. */
async function endSubscriptions(world: World): Promise<void> {
  for (const { subscription } of world.made) subscription.close()
  for (const { broker } of world.opened) {
    const what = (): string =>
      `subscriptions that are closed leave the ledger; left are ${JSON.stringify(broker.ledger().mailboxes)}`
    await world.until(() => broker.ledger().mailboxes.length === 0, what)
  }
  balance(world)
}

/** Closes every broker and sees that nothing comes any more, and that the books are final. */
async function endBrokers(world: World): Promise<void> {
  for (const { broker } of world.opened) await world.within(broker.close(), 'close() of a broker')
  const calls = world.made.map((made) => made.calls.count)
  for (const { reader } of world.made) if (reader !== undefined) await exhausted(world, reader)
  for (let turns = 0; turns < 5; turns++) await turn()
  deepStrictEqual(
    world.made.map((made) => made.calls.count),
    calls,
    'a handler was called after close() had resolved',
  )
  for (const { broker } of world.opened) {
    const ledger = broker.ledger()
    assertBalanced(ledger)
    strictEqual(ledger.mailboxes.length, 0, 'a closed broker has mailboxes')
    strictEqual(ledger.transport?.waiting ?? 0, 0, 'a closed broker waits for answers of its server')
    for (const group of ledger.groups ?? [])
      strictEqual(group.inFlight, 0, `group ${group.group} of a closed broker has deliveries in flight`)
  }
  for (const check of world.atEnd) check()
}

async function exhausted(world: World, reader: Subscription): Promise<void> {
  strictEqual(reader.closed, true, `a subscription to ${reader.pattern} is open after its broker has closed`)
  strictEqual(reader.poll(), undefined, `a message of ${reader.pattern} was delivered after close`)
  try {
    const { done } = await world.within(reader.next(), 'next() after close')
    strictEqual(done, true, `a message of ${reader.pattern} was delivered after close`)
  } catch (error) {
    // An error that ended the subscription may be told once more to whoever asks; but no message comes.
    if (!(error instanceof SpillwayError) || error instanceof ConformanceError) throw error
  }
}
