import type { MemoryPolicy } from '../core/contract.ts'
import type { Outcome, Setting } from '../predict/index.ts'

/** The formula behind each number of a prediction, in the letters that `predict --help` explains. */
export interface Formulas {
  readonly published: string
  readonly delivered: string
  readonly dropped: string
  readonly pending: string
  readonly age: string
  readonly full: string
  readonly publisher: string
}

/** Chooses the formulas that hold for this setting: which policy, who is faster, and whether it was ever full. */
export function formulasFor(setting: Setting, outcome: Outcome): Formulas {
  const { overflow = 'drop-newest', members = 1, capacity = 1024, keys = 1, seconds } = setting
  const m = members > 1 ? 'mμ' : 'μ'
  const isFilling = outcome.secondsToFull !== undefined && outcome.secondsToFull > seconds
  const byKey = overflow === 'latest' && keys <= capacity
  const filling: Formulas = {
    published: 'λT',
    delivered: `${m}T`,
    dropped: 'none before it is full',
    pending: `(λ−${m})T`,
    age: `grows by 1−${m}/λ a second`,
    full: `${byKey ? 'k' : 'B'}/(λ−${m})`,
    publisher: '',
  }
  if (outcome.secondsToFull === undefined) {
    const age = `1/2${m}: half the time between polls`
    const keepsUp = { delivered: 'λT', dropped: `none, as λ ≤ ${m}`, pending: '0 or 1', age, full: 'never' }
    return { ...filling, ...keepsUp }
  }
  return isFilling ? filling : whenFull(filling, overflow, m, byKey)
}

function whenFull(filling: Formulas, overflow: MemoryPolicy, m: string, byKey: boolean): Formulas {
  const common = { dropped: `(λ−${m})T − B`, pending: 'B', age: `B/${m}` }
  const latest = byKey
    ? { dropped: `(λ−${m})T − pending`, pending: `k(1−${m}/λ) to k`, age: 'k/2λ, at most k/λ' }
    : { dropped: `(λ−${m})T − B: keys outnumber places`, age: 'B/λ' }
  const own: Readonly<Record<MemoryPolicy, Partial<Formulas>>> = {
    'drop-newest': {},
    'drop-oldest': { age: 'B/λ' },
    latest,
    block: {
      published: `${m}T + B + waiting`,
      dropped: 'none',
      age: `(B+1)/${m} − 1/λ`,
      publisher: `1−${m}/λ of the time, once full`,
    },
    fail: { publisher: 'one rejection per drop' },
    disconnect: {
      delivered: `${m}B/(λ−${m})`,
      dropped: 'B + 1',
      pending: 'none: it has ended',
      age: 'B/λ at the end',
    },
  }
  return { ...filling, ...common, ...own[overflow] }
}
