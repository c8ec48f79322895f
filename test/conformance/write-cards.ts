// What `npm run cards` runs: the kit on every transport, one after the other, and then the page. Exits with 1 when a
// transport has failed or could not be looked at; the page then says so, too.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../support/source-tree.ts'
import { allTransports } from './all-transports.ts'
import { type MadeCard, withCards } from './cards-page.ts'
import { makeCard } from './make-card.ts'

const made: MadeCard[] = []
for (const transport of allTransports()) {
  const since = performance.now()
  const one = await makeCard(transport)
  made.push(one)
  report(one, (performance.now() - since) / 1000)
}

const page = join(root, 'docs', 'transports.md')
writeFileSync(page, withCards(readFileSync(page, 'utf8'), made))
// A client of Kafka may keep timers for a while after it has been disconnected.
process.exit(made.every(({ card }) => card.ok) ? 0 : 1)

function report({ card, notStarted }: MadeCard, seconds: number): void {
  if (notStarted !== undefined) return console.log(`${card.transport}: not looked at: ${notStarted}`)
  const failed = card.scenarios.filter(({ ok }) => !ok)
  const scenarios = `${card.scenarios.length} scenarios, ${failed.length} failed`
  console.log(`${card.transport}: ${scenarios}, ${seconds.toFixed(1)} s`)
  for (const { error, name } of failed) console.log(`  ${name}: ${error}`)
}
