import process from 'node:process'
import { OffsetEvictedError } from '../../core/offset-errors.ts'
import type { Position } from '../../core/position.ts'
import { checkPattern } from '../../core/topic.ts'
import type { GroupDelivery, LogFollower, StoredMessage } from '../../wal/index.ts'
import { CommandError, exitCode } from '../exit-code.ts'
import { Interrupt } from '../interrupt.ts'
import { Output } from '../output.ts'
import { type GlobalOptions, Terminal } from '../terminal.ts'
import { countFrom } from './count-from.ts'
import { commandError, openForReading, openForWriting } from './directory.ts'
import { Gaps } from './gaps.ts'
import { formatFor, type MessageFormat, showMessage } from './message-view.ts'
import type { GapLine } from './record-line.ts'
import { type Filter, passes, patternFor } from './selection.ts'

export interface SubOptions extends GlobalOptions {
  readonly from: Position
  readonly to?: Position
  readonly group?: string
  readonly count?: number
  readonly exitAtEnd?: boolean
  readonly idle?: number
  readonly filter: readonly Filter[]
  readonly raw?: boolean
  readonly pretty?: boolean
  readonly control: boolean
  readonly written?: boolean
}

/** `spillway sub`: messages from a position on, then as they come. Resolves to an exit code. */
export async function sub(patterns: readonly string[], options: SubOptions): Promise<number> {
  for (const pattern of patterns) checkPattern(pattern)
  checkOptions(patterns, options)
  const interrupt = new Interrupt(options.timeout)
  const reading = new Reading(patterns, options, interrupt.signal)
  try {
    if (options.group === undefined) await reading.follow()
    else await reading.join(options.group)
  } catch (error) {
    throw commandError(options.dir, error)
  } finally {
    interrupt[Symbol.dispose]()
  }
  if (reading.lost > 0) return exitCode.lossy
  return interrupt.exitCode ?? exitCode.done
}

function checkOptions(patterns: readonly string[], options: SubOptions): void {
  const refuse = (text: string): never => {
    throw new CommandError(text, exitCode.usage)
  }
  const { from, group, raw, pretty, to } = options
  if (patterns.length > 1 && (typeof from === 'number' || typeof to === 'number'))
    refuse('An offset or a number of messages needs one pattern. Use start, end or a time.')
  if (group !== undefined && patterns.length > 1) refuse('A group reads one pattern.')
  if (group !== undefined && to !== undefined)
    refuse('--to does not go with --group: a group remembers itself where it is.')
  if (typeof to === 'number' && to < 0) refuse('--to takes an offset, a time or end.')
  if (raw === true && pretty === true) refuse('Use --raw or --pretty, not both.')
}

class Reading {
  lost = 0
  readonly #patterns: readonly string[]
  readonly #options: SubOptions
  readonly #terminal: Terminal
  readonly #format: MessageFormat
  readonly #output = new Output()
  readonly #signal: AbortSignal
  readonly #idle = new AbortController()
  readonly #isSelected: (topic: string) => boolean
  readonly #pattern: string
  #idleTimer: ReturnType<typeof setTimeout> | undefined
  #shown = 0

  constructor(patterns: readonly string[], options: SubOptions, signal: AbortSignal) {
    const { pattern, selects } = patternFor(patterns)
    this.#patterns = patterns
    this.#pattern = pattern
    this.#isSelected = selects
    this.#options = options
    this.#terminal = new Terminal(options)
    this.#format = formatFor(options)
    this.#signal = AbortSignal.any([signal, this.#idle.signal])
  }

  /** Reads beside whoever writes the log. */
  async follow(): Promise<void> {
    const { from, written } = this.#options
    const log = openForReading(this.#options.dir, written === true ? 'written' : 'synced')
    const gaps = new Gaps(this.#pattern, log.topics(), from)
    try {
      this.#talk(from)
      await this.#read(log, from, gaps)
    } finally {
      this.lost = gaps.lost
      this.#rest()
      await log.close()
    }
  }

  async #read(log: LogFollower, position: Position, gaps: Gaps): Promise<void> {
    let lastSeq = -1
    for (let from = position; ;) {
      const subscription = log.subscribe(this.#pattern, { from, signal: this.#signal })
      if (this.#endsAtEnd) void subscription.drain({ timeoutMs: Number.POSITIVE_INFINITY })
      this.#rest(true)
      try {
        for await (const message of subscription as AsyncIterable<StoredMessage>) {
          if (message.seq <= lastSeq) continue // shown before it began at the start again
          lastSeq = message.seq
          if (this.#isPast(message)) return
          gaps.read(message.topic, message.offset)
          if (await this.#show(message)) return
        }
        return
      } catch (error) {
        if (this.#signal.aborted) return
        if (!(error instanceof OffsetEvictedError)) throw error
        for (const gap of gaps.take(log.topics())) await this.#tell(gap)
        from = 'start'
      }
    }
  }

  /** Reads as a member of a group, which takes the log for this process. A message is acked when it has been written. */
  async join(group: string): Promise<void> {
    const { dir, from } = this.#options
    let left = this.#endsAtEnd ? await this.#ahead(group) : Number.POSITIVE_INFINITY
    const broker = await openForWriting(dir)
    broker.observe({ warning: (warning) => this.#hear(warning) })
    try {
      const subscription = broker.subscribe(this.#pattern, { group, from, signal: this.#signal })
      this.#rest(true)
      if (left === 0) return
      for await (const message of subscription as AsyncIterable<GroupDelivery>) {
        const isLast = await this.#show(message)
        message.ack()
        if (isLast || --left === 0) return
      }
    } catch (error) {
      if (!this.#signal.aborted) throw error
    } finally {
      this.#rest()
      await broker.close()
    }
  }

  /** How many messages a group has before it, or would have if it were made now. */
  async #ahead(group: string): Promise<number> {
    const log = openForReading(this.#options.dir)
    try {
      const all = await log.groups()
      const known = all.find(({ name, pattern }) => name === group && pattern === this.#pattern)
      return known?.lagMessages ?? (await countFrom(log, this.#pattern, this.#options.from))
    } finally {
      await log.close()
    }
  }

  #hear({ code, text }: { readonly code: string; readonly text: string }): void {
    if (code !== 'group-overtaken') return
    const count = Number(/\d+/.exec(text)?.[0] ?? 1)
    this.lost += count
    void this.#tell({ _: 'gap', count, reason: 'evicted' })
  }

  /** Ends with what is there now. */
  get #endsAtEnd(): boolean {
    const { exitAtEnd, to } = this.#options
    if (exitAtEnd === true || to === 'end') return true
    return to instanceof Date && to.getTime() <= Date.now()
  }

  #isPast({ offset, time }: StoredMessage): boolean {
    const { to } = this.#options
    if (to instanceof Date) return time >= to.getTime()
    return typeof to === 'number' && offset >= to
  }

  /** Shows a message, if it is meant; resolves with whether that was the last one. */
  async #show(message: StoredMessage): Promise<boolean> {
    const { count, filter } = this.#options
    this.#rest(true)
    if (!this.#isSelected(message.topic) || !passes(filter, message)) return false
    await this.#output.write(showMessage(message, this.#format, this.#terminal.paint))
    return ++this.#shown === count
  }

  async #tell(gap: GapLine): Promise<void> {
    const { count, from, reason, to, topic } = gap
    const which = topic === undefined ? '' : ` of ${topic} (${from} to ${to})`
    process.stderr.write(`spillway: ${count} messages${which} are missing here: ${reason}\n`)
    if (this.#options.control && this.#format === 'ndjson')
      await this.#output.write(`${JSON.stringify(gap)}\n`)
  }

  #talk(position: Position): void {
    if (this.#endsAtEnd || !process.stdout.isTTY) return
    const what = this.#patterns.join(', ')
    if (position === 'end')
      this.#terminal.say(`Waiting for ${what}. Ctrl-C ends it; --from start shows what is there.`)
  }

  /** Begins the idle time anew, or ends it. */
  #rest(again = false): void {
    clearTimeout(this.#idleTimer)
    const { idle } = this.#options
    if (again && idle !== undefined) this.#idleTimer = setTimeout(() => this.#idle.abort(), idle * 1000)
  }
}
