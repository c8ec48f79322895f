import type { CapabilityCard, Verdict } from './contract.ts'

const marks: Readonly<Record<Verdict, string>> = {
  certified: 'yes',
  failed: '**failed**',
  untested: 'untested',
  'not provided': '–',
}

/** Cards side by side, as a table in Markdown: a column for each transport, a row for each promise. */
export function cardTable(cards: readonly CapabilityCard[]): string {
  const [first] = cards
  if (first === undefined) return ''
  const row = (name: string, cell: (card: CapabilityCard) => string): string =>
    `| ${[name, ...cards.map(cell)].join(' | ')} |`
  const capabilities = Object.keys(first.capabilities) as (keyof CapabilityCard['capabilities'])[]
  const policies = Object.keys(first.overflow) as (keyof CapabilityCard['overflow'])[]
  return [
    row('', ({ transport }) => transport),
    row('---', () => '---'),
    row('delivery', ({ delivery }) => delivery),
    row('the contract of every broker', ({ contract }) => marks[contract]),
    ...capabilities.map((name) => row(`\`${name}\``, (card) => marks[card.capabilities[name]])),
    ...policies.map((name) => row(`overflow \`${name}\``, (card) => marks[card.overflow[name]])),
    row('scenarios passed', ({ scenarios }) =>
      scenarios.every(({ ok }) => ok)
        ? String(scenarios.length)
        : `${scenarios.filter(({ ok }) => ok).length} of ${scenarios.length}`,
    ),
  ].join('\n')
}
