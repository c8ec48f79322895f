// npm run cards: runs the conformance kit on every transport and writes their cards into docs/transports.md. The exit code
// is 1 when one has failed; the page then says so, too.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildIfNeeded } from './lib/build.mjs'
import { root } from './lib/run.mjs'

buildIfNeeded()
const { cardTable, certify } = await import('spillway/conformance')
const { cardTransports } = await import('./lib/card-transports.mjs')

const cards = []
for (const make of cardTransports) {
  const made = await make()
  const { transport } = made
  const since = performance.now()
  const card = await certify(transport)
  await made.end()
  cards.push(card)
  const failed = card.scenarios.filter(({ ok }) => !ok)
  const seconds = ((performance.now() - since) / 1000).toFixed(1)
  console.log(`${card.transport}: ${card.scenarios.length} scenarios, ${failed.length} failed, ${seconds} s`)
  for (const { error, name } of failed) console.log(`  ${name}: ${error}`)
}

const page = join(root, 'docs', 'transports.md')
const begin = '<!-- begin: written by npm run cards -->'
const end = '<!-- end -->'
const text = readFileSync(page, 'utf8')
const [start, stop] = [text.indexOf(begin), text.indexOf(end)]
if (start < 0 || stop < start) throw new Error(`${page} has no place for the cards`)
// What differs from run to run, such as how long a scenario took, is left out.
const entries = cards.map(({ scenarios, ...card }) => ({
  ...card,
  failed: scenarios.filter(({ ok }) => !ok).map(({ name }) => name),
  scenarios: scenarios.length,
}))
const json = entries.map((entry) => JSON.stringify(entry)).join(',\n')
const body = `${begin}\n\n${cardTable(cards)}\n\n\`\`\`json\n[\n${json}\n]\n\`\`\`\n\n`
writeFileSync(page, text.slice(0, start) + body + text.slice(stop))
process.exitCode = cards.every(({ ok }) => ok) ? 0 : 1
