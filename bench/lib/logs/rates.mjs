import { median } from '../measure.mjs'
import { figure } from '../table.mjs'

/** Nanoseconds per record of `size` bytes as records and megabytes a second. */
export function rateColumns(samples, size) {
  const perSecond = 1e9 / median(samples)
  return { 'records/s': figure(perSecond), 'MB/s': figure((perSecond * size) / 1e6) }
}
