import type { Paint } from './paint.ts'

/** A column: its heading, and on which side its cells line up. */
export interface Column {
  readonly heading: string
  readonly align: 'left' | 'right'
}

/**
 * Lines up rows under headings, two spaces apart and two from the left. The heading of the first column is the title
 * of the table and stands at the edge. `widths` keeps a table that is drawn again from moving.
 */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  paint: Paint,
  widths: readonly number[] = [],
): readonly string[] {
  const wide = columns.map(({ heading }, index) => {
    const cells = rows.map((row) => (row[index] ?? '').length)
    const title = index === 0 ? heading.length - 2 : heading.length
    return Math.max(title, widths[index] ?? 0, ...cells)
  })
  const line = (cells: readonly string[], indent: number): string => {
    const padded = cells.map((cell, index) => {
      const width = (wide[index] ?? 0) + (index === 0 ? 2 - indent : 0)
      return columns[index]?.align === 'right' ? cell.padStart(width) : cell.padEnd(width)
    })
    return ' '.repeat(indent) + padded.join('  ').trimEnd()
  }
  const [title = '', ...headings] = columns.map(({ heading }) => heading)
  const head = line([title, ...headings], 0)
  const titled = paint.bold(title) + paint.dim(head.slice(title.length))
  return [titled, ...rows.map((row) => line(row, 2))]
}
