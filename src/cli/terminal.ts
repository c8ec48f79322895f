import process from 'node:process'
import { coloured, cut, type Paint, plain } from './paint.ts'

/** What every command accepts. */
export interface GlobalOptions {
  readonly json?: boolean
  readonly quiet?: boolean
  readonly color?: boolean
  /** Where the log is. */
  readonly dir: string
  /** Seconds after which a command that is still running ends. */
  readonly timeout?: number
}

/** Where a command puts what it has: data on stdout, talk on stderr. */
export class Terminal {
  readonly paint: Paint
  /** Only the result, as one JSON object, goes to stdout. */
  readonly json: boolean
  /** No talk. */
  readonly quiet: boolean
  /** What is drawn in place can be drawn again. */
  readonly live: boolean
  #drawn = 0
  readonly #showCursor = (): void => {
    process.stdout.write('\u001B[?25h')
  }

  constructor(options: GlobalOptions) {
    const { stdout, env } = process
    const capable = stdout.isTTY && env['TERM'] !== 'dumb'
    this.json = options.json === true
    this.quiet = options.quiet === true
    this.live = capable && !this.json && !this.quiet
    const colour = capable && (env['NO_COLOR'] ?? '') === '' && options.color !== false
    this.paint = colour ? coloured : plain
  }

  /** Columns of the terminal; 80 if there is none. */
  get width(): number {
    return process.stdout.isTTY ? process.stdout.columns || 80 : 80
  }

  /** Writes a line of the result for people; nothing under `--json`. */
  print(line: string = ''): void {
    if (!this.json) process.stdout.write(`${line}\n`)
  }

  /** Writes the result for programs; nothing without `--json`. */
  printJson(value: unknown): void {
    if (!this.json) return
    const text = JSON.stringify(value, (_, field: unknown) => (field === undefined ? null : field), 2)
    process.stdout.write(`${text}\n`)
  }

  /** Talks to the person. */
  say(line: string): void {
    if (!this.quiet) process.stderr.write(`${line}\n`)
  }

  /** Draws lines over those drawn before. Only when `live`. */
  draw(lines: readonly string[]): void {
    if (this.#drawn === 0) {
      process.stdout.write('\u001B[?25l')
      process.once('exit', this.#showCursor)
    }
    const { width } = this
    const text = lines.map((line) => `${cut(line, width - 1)}\u001B[K\n`).join('')
    process.stdout.write(`${this.#up()}${text}\u001B[J`)
    this.#drawn = lines.length
  }

  /** Takes away what was drawn. */
  erase(): void {
    if (this.#drawn === 0) return
    process.stdout.write(`${this.#up()}\u001B[J`)
    process.off('exit', this.#showCursor)
    this.#showCursor()
    this.#drawn = 0
  }

  #up(): string {
    return this.#drawn === 0 ? '' : `\u001B[${this.#drawn}A\r`
  }
}
