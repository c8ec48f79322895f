import process from 'node:process'
import { setTimeout as pause } from 'node:timers/promises'
import { SpillwayError } from '../../core/errors.ts'
import type { AckLevel } from '../../core/contract.ts'
import { type DurableBroker, type DurableReceipt, LogFailedError } from '../../wal/index.ts'
import { CommandError, exitCode } from '../exit-code.ts'
import { count } from '../format.ts'
import { Interrupt } from '../interrupt.ts'
import { openInput } from '../open-input.ts'
import { Output } from '../output.ts'
import { type Line, readLines } from '../read-lines.ts'
import type { GlobalOptions } from '../terminal.ts'
import { Terminal } from '../terminal.ts'
import { commandError, openForWriting } from './directory.ts'
import { parseJson, parseRecord } from './record-line.ts'

export interface PubOptions extends GlobalOptions {
  readonly records?: boolean
  readonly raw?: boolean
  readonly file?: string
  readonly count: number
  readonly rate?: number
  readonly key?: string
  readonly id?: string
  readonly header: Readonly<Record<string, string>>
  readonly ack?: AckLevel
}

/** Publishes that may wait at the same time: enough to share syncs, few enough to stop soon. */
const window = 1024
const mostComplaints = 20

/** What to publish, before it is checked. */
interface Item {
  readonly topic: string
  readonly payload: unknown
  readonly key: string | undefined
  readonly id: string | undefined
  readonly tombstone: boolean
  readonly headers: Readonly<Record<string, string>>
}

/** `spillway pub`: one body, or the lines of a file or of stdin. Resolves to an exit code. */
export async function pub(
  topic: string | undefined,
  body: string | undefined,
  options: PubOptions,
): Promise<number> {
  checkOptions(topic, body, options)
  const input = body === undefined ? await openInput(options.file ?? '-') : undefined
  const broker = await openForWriting(options.dir, { create: true })
  const interrupt = new Interrupt(options.timeout)
  const publisher = new LinesToLog(broker, topic, options, interrupt.signal)
  try {
    if (input === undefined) await publisher.repeat(body ?? '', options.count)
    else await publisher.readAll(input)
    await publisher.settle()
  } catch (error) {
    throw commandError(options.dir, error)
  } finally {
    interrupt[Symbol.dispose]()
    input?.destroy()
    await broker.close()
  }
  return publisher.report(input !== undefined || options.count > 1) ?? interrupt.exitCode ?? exitCode.done
}

function checkOptions(topic: string | undefined, body: string | undefined, options: PubOptions): void {
  const refuse = (text: string): never => {
    throw new CommandError(text, exitCode.usage)
  }
  if (topic === undefined && options.records !== true)
    refuse('Name a topic. Only records (--records) bring their own.')
  if (body !== undefined && options.file !== undefined) refuse('Give a body or --file, not both.')
  if (body !== undefined && options.records === true)
    refuse('--records is about lines: pipe them, or use --file.')
  if (options.raw === true && options.records === true) refuse('Use --raw or --records, not both.')
  if (body === undefined && options.count !== 1) refuse('--count repeats a body, and there is none.')
  if (body === undefined && options.file === undefined && process.stdin.isTTY)
    refuse('Give a body, pipe lines, or use --file.')
}

/** Publishes with many under way, and accounts for each line. */
class LinesToLog {
  readonly #broker: DurableBroker
  readonly #topic: string | undefined
  readonly #options: PubOptions
  readonly #signal: AbortSignal
  readonly #terminal: Terminal
  readonly #output = new Output()
  readonly #startMs = performance.now()
  readonly #underWay = new Set<Promise<void>>()
  #published = 0
  #started = 0
  #refused = 0
  #missing = 0
  #failure: { readonly error: unknown } | undefined
  #last: { readonly receipt: DurableReceipt; readonly topic: string; readonly ms: number } | undefined

  constructor(broker: DurableBroker, topic: string | undefined, options: PubOptions, signal: AbortSignal) {
    this.#broker = broker
    this.#topic = topic
    this.#options = options
    this.#signal = signal
    this.#terminal = new Terminal(options)
  }

  async repeat(body: string, times: number): Promise<void> {
    for (let n = 0; n < times && !this.#stopped; n++) await this.#take(n + 1, body)
  }

  async readAll(input: AsyncIterable<Uint8Array> & { destroy(): void }): Promise<void> {
    const stop = (): void => input.destroy()
    this.#signal.addEventListener('abort', stop, { once: true })
    try {
      for await (const lines of readLines(input)) {
        for (const line of lines) {
          if (this.#stopped) return
          await this.#line(line)
        }
      }
    } catch (error) {
      if (!this.#signal.aborted) throw error // destroying the input makes reading it fail
    } finally {
      this.#signal.removeEventListener('abort', stop)
    }
  }

  /** Resolves when everything is stored; rejects when the log takes nothing more. */
  async settle(): Promise<void> {
    await Promise.all(this.#underWay)
    if (this.#failure !== undefined) throw this.#failure.error
  }

  /** Says what was done; returns the exit code if not everything was. */
  report(isMany: boolean): number | undefined {
    const { json } = this.#terminal
    if (this.#refused > mostComplaints)
      process.stderr.write(`spillway: and ${count(this.#refused - mostComplaints)} more\n`)
    if (this.#missing > 0)
      process.stderr.write(
        `spillway: the input says that ${count(this.#missing)} messages are missing in it\n`,
      )
    const last = this.#published === 1 && this.#refused === 0 ? this.#last : undefined
    if (!json && last !== undefined)
      this.#terminal.print(
        `${last.topic}  offset=${last.receipt.offset}  ${last.receipt.level}  ${last.ms.toFixed(1)} ms`,
      )
    else if (!json && isMany)
      this.#terminal.print(`published ${count(this.#published)}, refused ${count(this.#refused)}`)
    return this.#refused > 0 || this.#missing > 0 ? exitCode.lossy : undefined
  }

  get #stopped(): boolean {
    return this.#signal.aborted || this.#failure !== undefined
  }

  async #line(line: Line): Promise<void> {
    if (line.kind === 'refused') this.#refuse(line.number, line.reason)
    else if (line.kind === 'text') await this.#take(line.number, line.text)
  }

  async #take(number: number, text: string): Promise<void> {
    const item = this.#item(text)
    if (typeof item === 'string') return this.#refuse(number, item)
    if (item === undefined) return undefined
    if (this.#options.rate !== undefined) await this.#untilDue(this.#options.rate)
    if (this.#underWay.size >= window) await Promise.race(this.#underWay)
    this.#started++
    const publishing = this.#publish(number, item).finally(() => this.#underWay.delete(publishing))
    this.#underWay.add(publishing)
    return undefined
  }

  /** What a line is published as; a string says why it is not; undefined for a line that only tells of a gap. */
  #item(text: string): Item | string | undefined {
    const { header, id, key, raw, records } = this.#options
    if (records !== true) {
      const parsed = raw === true ? undefined : parseJson(text)
      // Text that is no JSON is published as text; a number that JSON would change is not.
      if (typeof parsed === 'string' && parsed !== 'not JSON') return parsed
      const payload = typeof parsed === 'object' ? parsed.json : text
      return { topic: this.#topic ?? '', payload, key, id, tombstone: false, headers: header }
    }
    const record = parseRecord(text)
    if (typeof record === 'string') return record
    if ('_' in record) {
      this.#missing += record.count ?? 1
      return undefined
    }
    const topic = this.#topic ?? record.topic
    if (topic === undefined) return 'it names no topic, and the command line neither'
    const headers = { ...record.headers, ...header }
    const { payload, tombstone } = record
    return { topic, payload, key: key ?? record.key, id: id ?? record.id, tombstone, headers }
  }

  async #publish(number: number, { headers, id, key, payload, tombstone, topic }: Item): Promise<void> {
    const { ack } = this.#options
    const since = performance.now()
    try {
      const receipt = await this.#broker.publish(topic, payload, {
        headers,
        ...(id === undefined ? {} : { id }),
        ...(key === undefined ? {} : { key }),
        ...(ack === undefined ? {} : { ack }),
        ...(tombstone ? { tombstone } : {}),
      })
      const ms = performance.now() - since
      this.#published++
      this.#last = { receipt, topic, ms }
      if (!this.#terminal.json) return
      const { duplicate, level, offset, seq } = receipt
      const line = { topic, offset, seq, level, duplicate, ms: Number(ms.toFixed(3)) }
      await this.#output.write(`${JSON.stringify(line)}\n`)
    } catch (error) {
      if (error instanceof SpillwayError && !(error instanceof LogFailedError))
        this.#refuse(number, error.message)
      else this.#failure ??= { error }
    }
  }

  #refuse(number: number, why: string): void {
    if (++this.#refused <= mostComplaints) process.stderr.write(`spillway: line ${number}: ${why}\n`)
  }

  async #untilDue(perSecond: number): Promise<void> {
    const dueMs = this.#startMs + (this.#started * 1000) / perSecond
    while (performance.now() < dueMs && !this.#stopped)
      await pause(Math.min(50, Math.max(1, dueMs - performance.now())))
  }
}
