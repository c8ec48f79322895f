/** A law of SPEC.md: its number, and the tests it names. */
export interface Law {
  readonly id: string
  readonly tests: readonly { readonly path: string; readonly title: string }[]
}

// A law begins a line (or a list item, or a table row) with its number in bold and ends before the next one.
const law =
  /^(?:[-*|]\s+)?\*\*([A-Z]+\d+[a-z]?)\.?\*\*(.*?)(?=^(?:[-*|]\s+)?\*\*[A-Z]+\d+[a-z]?\.?\*\*|^#|$(?![^]))/gms
const citation = /`(test\/[^`]+)`((?:[\s,;]*(?:and\s+)?"[^"]+")+)/g

/** Reads the laws: `**B3** what is promised — `test/core/x.test.ts` "title of a test", "title of another"`. */
export function lawsOf(spec: string): readonly Law[] {
  return [...spec.matchAll(law)].map(([, id = '', text = '']) => ({ id, tests: testsNamedIn(text) }))
}

function testsNamedIn(text: string): Law['tests'] {
  return [...text.matchAll(citation)].flatMap(([, path = '', titles = '']) =>
    [...titles.matchAll(/"([^"]+)"/g)].map((match) => ({ path, title: oneLine(match[1] ?? '') })),
  )
}

/** Names laws without a test, laws with the same number, and laws whose test cannot be found. */
export function lawViolations(spec: string, read: (path: string) => string | undefined): readonly string[] {
  const laws = lawsOf(spec)
  if (laws.length === 0) return ['there is no law in it']
  const seen = new Set<string>()
  return laws.flatMap(({ id, tests }) => {
    const found = tests.flatMap(({ path, title }) => {
      const text = read(path)
      if (text === undefined) return [`${id}: there is no ${path}`]
      return hasTitle(text, title) ? [] : [`${id}: ${path} has no test "${title}"`]
    })
    if (tests.length === 0) found.push(`${id} names no test`)
    if (seen.has(id)) found.push(`${id} is there twice`)
    seen.add(id)
    return found
  })
}

/** True if the title stands in quotes; in single quotes its apostrophes are escaped. */
function hasTitle(text: string, title: string): boolean {
  const escaped = title.replaceAll("'", String.raw`\'`)
  return [`'${escaped}'`, `"${title}"`, `\`${title}\``].some((quoted) => text.includes(quoted))
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ')
}
