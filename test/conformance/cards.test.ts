import { describe, expect, it } from 'vitest'
import { type CapabilityCard, cardTable, conformance, type Transport } from '../../src/conformance/index.ts'
import { createBroker } from '../../src/index.ts'
import { openDurableBroker } from '../../src/wal/index.ts'
import { readSource } from '../support/source-tree.ts'
import { directory, log, memory } from './transports.ts'

// The page says what `npm run cards` has found. A test cannot run that again each time; it sees to it that the page and what
// is declared in the code do not drift apart.

interface Entry extends Omit<CapabilityCard, 'scenarios'> {
  readonly failed: readonly string[]
  readonly scenarios: number
}

const page = readSource('docs/transports.md').text
const entries = JSON.parse(/```json\n([\s\S]*?)```/.exec(page)?.[1] ?? '[]') as readonly Entry[]

const { dir, remove } = directory()
const broker = await openDurableBroker(dir, { engine: 'inline' })
await broker.close()
remove()
const wal: Transport = { ...log, name: 'wal', capabilities: broker.capabilities }
const transports: readonly Transport[] = [{ ...memory, capabilities: createBroker().capabilities }, log, wal]

describe('the page on transports', () => {
  it('has a card for every broker in this process', () => {
    expect(entries.map(({ transport }) => transport)).toEqual(
      expect.arrayContaining(transports.map(({ name }) => name)),
    )
  })

  it.each(transports)('says of $name what it declares, all of it certified', (transport) => {
    const entry = entries.find((one) => one.transport === transport.name)
    const { delivery, overflow, provides } = transport.capabilities
    const certified = (verdicts: object): string[] =>
      Object.entries(verdicts).flatMap(([name, verdict]) => (verdict === 'certified' ? [name] : []))

    expect(entry?.delivery).toBe(delivery)
    expect(certified(entry?.capabilities ?? {}).toSorted()).toEqual([...provides].toSorted())
    expect(certified(entry?.overflow ?? {}).toSorted()).toEqual([...overflow].toSorted())
    expect(entry).toMatchObject({ ok: true, contract: 'certified', failed: [], leftOut: [] })
  })

  it.each(transports)('is about the scenarios there are for $name now', (transport) => {
    const entry = entries.find((one) => one.transport === transport.name)

    expect(entry?.scenarios).toBe(conformance(transport).length)
  })

  it('shows the same in its table', () => {
    const cards = entries.map(({ scenarios, ...card }) => ({
      ...card,
      scenarios: Array.from({ length: scenarios }, () => ({ name: '', title: '', ok: true, durationMs: 0 })),
    }))

    expect(page).toContain(cardTable(cards))
  })
})
