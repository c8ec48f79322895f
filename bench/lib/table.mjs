// What a benchmark prints.

import { median } from './measure.mjs'

/** The figures of one contestant. `columns` are further ones, as they are to be printed, by their headings. */
export function summaryOf({ name, samples, note, columns }) {
  return {
    name,
    median: median(samples),
    min: Math.min(...samples),
    max: Math.max(...samples),
    note,
    columns,
  }
}

export function printCase({ label, unit, rows, goals, note, attempts }) {
  console.log(`## ${label}${attempts > 1 ? ` (best of ${attempts})` : ''}`)
  if (note !== undefined) console.log(`   ${note}`)
  const us = rows.find((row) => row.name.startsWith('spillway'))
  const floor = rows.find((row) => row.name.startsWith('floor'))
  const more = Object.keys(rows[0].columns ?? {})
  const table = [['', unit, 'min – max', '× floor', '× spillway', ...more]]
  for (const row of rows) {
    const range = row.min === row.max ? '' : `${figure(row.min)} – ${figure(row.max)}`
    const extras = more.map((heading) => row.columns[heading])
    table.push([row.name, figure(row.median), range, times(row, floor), times(row, us), ...extras])
  }
  printAligned(table)
  for (const row of rows) if (row.note !== undefined) console.log(`   ${row.name}: ${row.note}`)
  for (const goal of goals) console.log(`   ${verdict(goal)}`)
  console.log()
}

export function verdict({ text, measured, unit, met }) {
  return `${met ? '✔' : '✘'} ${text}: ${figure(measured)} ${unit}`
}

export function figure(number) {
  if (number === 0) return '0'
  if (Math.abs(number) >= 1000) return Math.round(number).toLocaleString('en')
  if (Math.abs(number) >= 100) return number.toFixed(0)
  if (Math.abs(number) >= 10) return number.toFixed(1)
  return number.toFixed(2)
}

function times(row, other) {
  return other === undefined || other.median === 0 ? '' : figure(row.median / other.median)
}

function printAligned(table) {
  const widths = table[0].map((_, column) => Math.max(...table.map((cells) => cells[column].length)))
  for (const cells of table) {
    const [name, ...figures] = cells.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column]),
    )
    console.log(`   ${name}  ${figures.join('  ')}`)
  }
}
