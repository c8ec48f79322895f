// Goals in the terms of logs: rates, and latencies of one publish.

import { median } from '../measure.mjs'

/** `name` does at least `limit` a second, in a case measured in ns each. */
export function rateOf(limit, name, what) {
  const text = `${name} ≥ ${limit.toLocaleString('en')} ${what}/s`
  return {
    text,
    names: [name],
    evaluate: (rows) => least(1e9 / median(rowOf(rows, name).samples), limit, `${what}/s`),
  }
}

/** `quantile` is `p50` or `p99`: at most `limit` ms. */
export function latencyOf(limit, name, quantile) {
  return {
    text: `${name} ${quantile} ≤ ${limit} ms`,
    names: [name],
    evaluate: (rows) => most(median(rowOf(rows, name)[quantile]), limit, 'ms'),
  }
}

/** The median latency of `name` is at most `limit` times that of `other`. */
export function latencyWithin(limit, name, other) {
  return {
    text: `${name} p50 ≤ ${limit} × ${other}`,
    names: [name, other],
    evaluate: (rows) => {
      const others = rowOf(rows, other).p50
      return most(median(rowOf(rows, name).p50.map((own, round) => own / others[round])), limit, '×')
    },
  }
}

/** `name` reaches at least `share` of what `other` does. */
export function shareOf(share, name, other) {
  return {
    text: `${name} ≥ ${share} of ${other}`,
    names: [name, other],
    evaluate: (rows) => {
      const own = rowOf(rows, name).samples
      const shares = rowOf(rows, other).samples.map((sample, round) => sample / own[round])
      return least(median(shares), share, 'of it')
    },
  }
}

/** `other` takes at least `limit` times as long as `name`. */
export function fasterThan(limit, name, other) {
  return {
    text: limit === 1 ? `${name} ahead of ${other}` : `${name} ≥ ${limit} × faster than ${other}`,
    names: [name, other],
    evaluate: (rows) => {
      const own = rowOf(rows, name).samples
      const times = rowOf(rows, other).samples.map((sample, round) => sample / own[round])
      return least(median(times), limit, '×')
    },
  }
}

/** Without the goals that name a store which does not work on this machine. */
export function goalsAmong(stores, goals) {
  return goals.filter(({ names }) => names.every((name) => stores.some((store) => store.name === name)))
}

function rowOf(rows, name) {
  const row = rows.find((each) => each.name === name)
  if (row === undefined) throw new Error(`No contestant is called ${name}`)
  return row
}

function least(measured, limit, unit) {
  return { measured, unit, met: measured >= limit, missBy: limit / measured }
}

function most(measured, limit, unit) {
  return { measured, unit, met: measured <= limit, missBy: measured / limit }
}
