/** Marks up text for the terminal, or leaves it as it is. */
export interface Paint {
  bold(text: string): string
  dim(text: string): string
  good(text: string): string
  bad(text: string): string
}

export const plain: Paint = { bold: same, dim: same, good: same, bad: same }

export const coloured: Paint = {
  bold: (text) => `\u001B[1m${text}\u001B[22m`,
  dim: (text) => `\u001B[2m${text}\u001B[22m`,
  good: (text) => `\u001B[32m${text}\u001B[39m`,
  bad: (text) => `\u001B[31m${text}\u001B[39m`,
}

function same(text: string): string {
  return text
}

/** Cuts a line to the width of the terminal; marks take no place and are kept. */
export function cut(line: string, width: number): string {
  let left = width
  // oxlint-disable-next-line eslint/no-control-regex -- ESC is what begins a mark
  return line.replaceAll(/(\u001B\[\d+m)|./gu, (character, mark: string | undefined) => {
    if (mark !== undefined) return mark
    return left-- > 0 ? character : ''
  })
}
