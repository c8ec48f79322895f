/** Says whether some topic matches both valid patterns. */
export function overlaps(one: string, other: string): boolean {
  const left = one.split('.')
  const right = other.split('.')
  for (let index = 0; ; index++) {
    const [a, b] = [left[index], right[index]]
    if (a === undefined || b === undefined) return a === b
    if (a === '>' || b === '>') return true // the other has at least this one token left
    if (a !== b && a !== '*' && b !== '*') return false
  }
}
