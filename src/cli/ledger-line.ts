import type { DrainReport } from '../core/contract.ts'
import type { Ledger } from '../core/ledger.ts'
import { assertBalanced, sumCounts, totalDropped } from '../core/ledger.ts'
import { LedgerImbalanceError } from '../core/errors.ts'
import { count, duration } from './format.ts'
import type { Paint } from './paint.ts'

/** The identity of a whole broker in one line, with its verdict. */
export function ledgerLine(ledger: Ledger, paint: Paint): string {
  const sum = sumCounts([...ledger.mailboxes, ledger.ended])
  const parts = [
    `delivered ${count(sum.delivered)}`,
    `dropped ${count(totalDropped(sum))}`,
    `pending ${count(sum.pending)}`,
  ]
  if (sum.waiting > 0) parts.push(`waiting ${count(sum.waiting)}`)
  const line = `${paint.bold('LEDGER')}  routed ${count(sum.routed)} = ${parts.join(' + ')}`
  const imbalance = imbalanceOf(ledger)
  return imbalance === undefined ? `${line}  ${paint.good('✔')}` : `${line}  ${paint.bad(`✘ ${imbalance}`)}`
}

/** What became of the rest after publishing had stopped. */
export function drainLine(drained: DrainReport, paint: Paint): string {
  const { delivered, dropped, durationMs } = drained
  const rest = dropped === 0 ? 'nothing was left' : `${count(dropped)} were left and dropped as closed`
  return `${paint.bold('DRAINED')}  ${count(delivered)} more delivered in ${duration(durationMs / 1000)}, ${rest}`
}

/** Which equation does not hold; undefined if all do. */
export function imbalanceOf(ledger: Ledger): string | undefined {
  try {
    assertBalanced(ledger)
    return undefined
  } catch (error) {
    if (error instanceof LedgerImbalanceError) return error.message
    throw error
  }
}
