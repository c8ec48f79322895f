const any = '*'
const tail = '>'

/** Whether every topic that the valid pattern `inner` matches is matched by `outer` too. */
export function covers(outer: string, inner: string): boolean {
  const [o, i] = [outer.split('.'), inner.split('.')]
  for (const [at, token] of o.entries()) {
    const other = i[at]
    if (other === undefined) return false
    if (token === tail) return true
    if (other === tail || (token !== any && token !== other)) return false
  }
  return o.length === i.length
}

/** The pattern of the topics that both match; undefined when there are none. */
export function overlap(one: string, other: string): string | undefined {
  const [a, b] = [one.split('.'), other.split('.')]
  const tokens: string[] = []
  for (let at = 0; ; at++) {
    const [x, y] = [a[at], b[at]]
    if (x === undefined && y === undefined) return tokens.join('.')
    if (x === undefined || y === undefined) return undefined
    if (x === tail) return [...tokens, ...b.slice(at)].join('.')
    if (y === tail) return [...tokens, ...a.slice(at)].join('.')
    if (x !== any && y !== any && x !== y) return undefined
    tokens.push(x === any ? y : x)
  }
}
