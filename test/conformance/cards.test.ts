import { describe, expect, it } from 'vitest'
import { leftOut } from '../../src/conformance/conformance.ts'
import { cardTable, conformance } from '../../src/conformance/index.ts'
import { readSource } from '../support/source-tree.ts'
import { allTransports } from './all-transports.ts'
import { entriesOf, withCards } from './cards-page.ts'
import { makeCard } from './make-card.ts'
import { memory } from './transports.ts'

// The page says what `npm run cards` has found. A test cannot run that again each time; it sees to it that the page and what
// is declared in the code do not drift apart.

const page = readSource('docs/transports.md').text
const entries = entriesOf(page)
const transports = allTransports().map(({ transport }) => transport)

describe('the page on transports', () => {
  it('has a card for every broker', () => {
    expect(transports).toHaveLength(7)
    expect(entries.map(({ transport }) => transport)).toEqual(transports.map(({ name }) => name))
  })

  it.each(transports)('says of $name what it declares, all of it certified', (transport) => {
    const entry = entries.find((one) => one.transport === transport.name)
    const { delivery, overflow, provides } = transport.capabilities
    const certified = (verdicts: object): string[] =>
      Object.entries(verdicts).flatMap(([name, verdict]) => (verdict === 'certified' ? [name] : []))

    expect(entry?.delivery).toBe(delivery)
    expect(certified(entry?.capabilities ?? {}).toSorted()).toEqual([...provides].toSorted())
    expect(certified(entry?.overflow ?? {}).toSorted()).toEqual([...overflow].toSorted())
    expect(entry).toMatchObject({ ok: true, contract: 'certified', failed: [] })
    expect(entry).not.toHaveProperty('notStarted')
  })

  it.each(transports)('is about the scenarios there are for $name now', (transport) => {
    const entry = entries.find((one) => one.transport === transport.name)

    expect(entry?.scenarios).toBe(conformance(transport).length)
    expect(entry?.leftOut).toEqual(leftOut(transport))
  })

  it('shows the same in its table', () => {
    const cards = entries.map(({ scenarios, ...card }) => ({
      ...card,
      scenarios: Array.from({ length: scenarios }, () => ({ name: '', title: '', ok: true, durationMs: 0 })),
    }))

    expect(page).toContain(cardTable(cards))
  })

  it('says of a broker whose server does not start that nothing was looked at, and why', async () => {
    let ended = false
    const made = await makeCard({
      transport: memory,
      start: () => Promise.reject(new Error('no such server\nand what it printed')),
      end: async () => void (ended = true),
    })
    const text = withCards(page, [made])
    const [entry, ...others] = entriesOf(text)

    expect(ended).toBe(true)
    expect(others).toEqual([])
    expect(text).toContain('**memory** was not looked at: no such server\n')
    expect(text).toContain(cardTable([made.card]))
    expect(entry).toMatchObject({
      ok: false,
      contract: 'untested',
      scenarios: 0,
      notStarted: 'no such server',
    })
    expect(entry?.capabilities).toMatchObject({ groups: 'untested', durable: 'not provided' })
    expect(entry?.overflow).toMatchObject({ block: 'untested', spill: 'not provided' })
    expect(entry?.leftOut).toEqual(conformance(memory).map(({ name }) => name))
  })
})
