/** A line of input, or why it cannot be used. `number` counts from 1. */
export type Line =
  | { readonly kind: 'text'; readonly number: number; readonly text: string; readonly bytes: number }
  | { readonly kind: 'empty'; readonly number: number }
  | { readonly kind: 'refused'; readonly number: number; readonly reason: string }

/** Longer lines are refused, so that one line without an end cannot fill the memory. */
export const longestLineBytes: number = 2 ** 20

const lineFeed = 10
const carriageReturn = 13

/**
 * Splits bytes into lines, holding one chunk and one line at a time. Lines end with LF or CRLF; the last one may lack
 * it. Yields the lines of each chunk together.
 */
export async function* readLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<readonly Line[], void> {
  const splitter = new LineSplitter()
  for await (const chunk of chunks) yield splitter.push(chunk)
  yield splitter.end()
}

class LineSplitter {
  readonly #decoder = new TextDecoder('utf-8', { fatal: true })
  #number = 0
  /** Pieces of the line that is not complete yet; dropped once it is too long. */
  #pieces: Uint8Array[] = []
  #bytes = 0

  push(chunk: Uint8Array): readonly Line[] {
    const lines: Line[] = []
    let from = 0
    for (let to = chunk.indexOf(lineFeed); to >= 0; to = chunk.indexOf(lineFeed, from)) {
      this.#keep(chunk.subarray(from, to))
      lines.push(this.#finish())
      from = to + 1
    }
    this.#keep(chunk.subarray(from))
    return lines
  }

  end(): readonly Line[] {
    return this.#bytes === 0 ? [] : [this.#finish()]
  }

  #keep(piece: Uint8Array): void {
    this.#bytes += piece.length
    if (this.#isTooLong) this.#pieces = []
    else if (piece.length > 0) this.#pieces.push(piece)
  }

  #finish(): Line {
    const number = ++this.#number
    const line = this.#isTooLong
      ? this.#refused(`longer than 1 MiB (${this.#bytes} bytes)`)
      : this.#decode(number)
    this.#pieces = []
    this.#bytes = 0
    return line
  }

  #decode(number: number): Line {
    const whole = this.#pieces.length === 1 ? (this.#pieces[0] as Uint8Array) : Buffer.concat(this.#pieces)
    const bytes = whole.at(-1) === carriageReturn ? whole.subarray(0, -1) : whole
    if (bytes.length === 0) return { kind: 'empty', number }
    if (bytes.length > longestLineBytes) return this.#refused(`longer than 1 MiB (${bytes.length} bytes)`)
    try {
      return { kind: 'text', number, text: this.#decoder.decode(bytes), bytes: bytes.length }
    } catch {
      return this.#refused('not UTF-8')
    }
  }

  #refused(reason: string): Line {
    return { kind: 'refused', number: this.#number, reason }
  }

  /** One byte more than a line may have is allowed for: it may turn out to be a CR. */
  get #isTooLong(): boolean {
    return this.#bytes > longestLineBytes + 1
  }
}
