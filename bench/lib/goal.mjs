// Goals as data: what was asked, what was measured, whether it is met. Ratios are medians over rounds of what
// two contestants took in the same round.

import { median } from './measure.mjs'

/** `name` takes at most `limit` times as long as `other`. */
export function within(limit, name, other) {
  return {
    text: `${name} ≤ ${limit} × ${other}`,
    evaluate: (rows) => outcome(ratio(rows, name, other), limit, '×'),
  }
}

/** `other` takes at least `limit` times as long as `name`. */
export function ahead(limit, name, other) {
  const text = limit === 1 ? `${name} ahead of ${other}` : `${name} ≥ ${limit} × faster than ${other}`
  return {
    text,
    evaluate: (rows) => {
      const measured = ratio(rows, other, name)
      return { measured, unit: '×', met: measured >= limit, missBy: limit / measured }
    },
  }
}

/** `name` measures at most `limit` in the unit of its case. */
export function atMost(limit, name, unit = 'ns') {
  return {
    text: `${name} ≤ ${limit} ${unit}`,
    evaluate: (rows) => outcome(median(samplesOf(rows, name)), limit, unit),
  }
}

/** `name` takes at most `limit` nanoseconds more than `other`. */
export function over(limit, name, other) {
  return {
    text: `${name} ≤ ${limit} ns over ${other}`,
    evaluate: (rows) => {
      const others = samplesOf(rows, other)
      return outcome(
        median(samplesOf(rows, name).map((sample, round) => sample - others[round])),
        limit,
        'ns',
      )
    },
  }
}

function outcome(measured, limit, unit) {
  return { measured, unit, met: measured <= limit, missBy: limit === 0 ? measured : measured / limit }
}

function ratio(rows, name, other) {
  const others = samplesOf(rows, other)
  return median(samplesOf(rows, name).map((sample, round) => sample / others[round]))
}

function samplesOf(rows, name) {
  const row = rows.find((each) => each.name === name)
  if (row === undefined) throw new Error(`No contestant is called ${name}`)
  return row.samples
}
