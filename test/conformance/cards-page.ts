import { type CapabilityCard, cardTable } from 'spillway/conformance'

/** A card, and why it could not be made where there was no server. */
export interface MadeCard {
  readonly card: CapabilityCard
  readonly notStarted?: string
}

/** A card as the page keeps it: what differs from run to run, such as how long a scenario took, is left out. */
export interface Entry extends Omit<CapabilityCard, 'scenarios'> {
  readonly failed: readonly string[]
  readonly scenarios: number
  readonly notStarted?: string
}

const begin = '<!-- begin: written by npm run cards -->'
const end = '<!-- end -->'

/** The page with these cards in the place of those before. */
export function withCards(page: string, made: readonly MadeCard[]): string {
  const [start, stop] = [page.indexOf(begin), page.indexOf(end)]
  if (start < 0 || stop < start) throw new Error('the page has no place for the cards')
  const table = cardTable(made.map(({ card }) => card))
  const missing = made.flatMap(({ card, notStarted }) =>
    notStarted === undefined ? [] : [`**${card.transport}** was not looked at: ${notStarted}\n\n`],
  )
  const json = made.map((one) => JSON.stringify(entryOf(one))).join(',\n')
  const cards = `${table}\n\n${missing.join('')}\`\`\`json\n[\n${json}\n]\n\`\`\``
  return `${page.slice(0, start)}${begin}\n\n${cards}\n\n${page.slice(stop)}`
}

/** What the page says. */
export function entriesOf(page: string): readonly Entry[] {
  return JSON.parse(/```json\n([\s\S]*?)```/.exec(page)?.[1] ?? '[]') as readonly Entry[]
}

function entryOf({ card: { scenarios, ...card }, notStarted }: MadeCard): Entry {
  return {
    ...card,
    failed: scenarios.filter(({ ok }) => !ok).map(({ name }) => name),
    scenarios: scenarios.length,
    ...(notStarted !== undefined && { notStarted }),
  }
}
