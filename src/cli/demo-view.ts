import { totalDropped } from '../core/ledger.ts'
import type { Outcome } from '../predict/index.ts'
import type { DemoResult, DemoRun, DemoSettings, DemoView, Lane } from './demo-run.ts'
import { count, difference, duration, publisher, sparkline } from './format.ts'
import type { Paint } from './paint.ts'
import { type Column, table } from './table.ts'
import type { Terminal } from './terminal.ts'

/** How an outcome is shown; every table of the demo has these columns and may add one. */
const outcomeColumns: readonly Column[] = [
  { heading: 'delivered', align: 'right' },
  { heading: 'dropped', align: 'right' },
  { heading: 'pending', align: 'right' },
  { heading: 'age', align: 'right' },
  { heading: 'publisher', align: 'left' },
]

const labelWidth = 17
const replayLabel = 'log  replay'

/** PREDICTED: what will be, before anything runs. */
export function predictedTable(run: DemoRun, settings: DemoSettings, paint: Paint): readonly string[] {
  const outcomes = run.predict(settings.seconds)
  const rows = run.lanes.map((lane, index) => {
    const outcome = outcomes[index] as Outcome // one per lane
    return [label(lane, settings), ...outcomeCells(outcome, settings.seconds)]
  })
  rows.push([replayLabel, ...outcomeCells(run.log.predict(settings.seconds), settings.seconds)])
  return table([title(`PREDICTED for ${duration(settings.seconds)}`), ...outcomeColumns], rows, paint, [
    labelWidth,
  ])
}

/** MEASURED: the same with how far it is from the prediction for the time it took. */
export function measuredTable(
  run: DemoRun,
  settings: DemoSettings,
  result: DemoResult,
  paint: Paint,
): readonly string[] {
  const rows = run.lanes.map((lane, index) => {
    const row = result.rows[index] as DemoResult['rows'][number] // one per lane
    return [label(lane, settings), ...outcomeCells(row.measured, result.seconds), worstDifference(row)]
  })
  const { replay } = result
  rows.push([replayLabel, ...outcomeCells(replay.measured, result.seconds), worstDifference(replay)])
  const columns: Column[] = [title(`MEASURED in ${duration(result.seconds)}`), ...outcomeColumns]
  columns.push({ heading: 'Δ', align: 'right' })
  return table(columns, rows, paint, [labelWidth])
}

function title(heading: string): Column {
  return { heading, align: 'left' }
}

function label(lane: Lane, settings: DemoSettings): string {
  if (lane.overflow === 'latest')
    return `latest  ${count(settings.keys)} ${settings.keys === 1 ? 'key' : 'keys'}`
  return lane.overflow === 'block' ? 'block  own topic' : lane.overflow
}

function outcomeCells(outcome: Outcome, seconds: number): readonly string[] {
  const { delivered, dropped, pending, ageSeconds, secondsToFull } = outcome
  const cutOff = dropped.disconnected > 0 ? Math.min(secondsToFull ?? seconds, seconds) : undefined
  return [
    count(delivered),
    count(totalDropped({ ...outcome, routed: 0 })),
    count(pending),
    duration(ageSeconds),
    publisher(outcome.publisher, cutOff),
  ]
}

/** Of delivered, dropped and pending, the one that is furthest off. */
function worstDifference(row: DemoResult['replay']): string {
  const { predicted, measured } = row
  const pairs: (readonly [number, number])[] = [
    [measured.delivered, predicted.delivered],
    [total(measured), total(predicted)],
    [measured.pending, predicted.pending],
  ]
  const [worst = [0, 0]] = pairs.toSorted((a, b) => Math.abs(b[0] - b[1]) - Math.abs(a[0] - a[1]))
  return difference(...worst)
}

function total(outcome: Outcome): number {
  return totalDropped({ ...outcome, routed: 0 })
}

/** What a run looks like while it runs: redrawn in place on a terminal, a line per second elsewhere. */
export class RunningView implements DemoView {
  readonly #run: DemoRun
  readonly #settings: DemoSettings
  readonly #terminal: Terminal
  readonly #fill: number[][]
  readonly #everyMs: number
  #dueMs = 0
  #drainingSince: number | undefined

  constructor(run: DemoRun, settings: DemoSettings, terminal: Terminal) {
    this.#run = run
    this.#settings = settings
    this.#terminal = terminal
    this.#fill = run.lanes.map(() => [])
    this.#everyMs = terminal.live ? 100 : 1000
    if (!terminal.live) this.#dueMs = performance.now() + this.#everyMs
  }

  frame(seconds: number): void {
    if (!this.#isDue()) return
    const { live } = this.#terminal
    if (live) this.#drawTable(`RUNNING  t = ${seconds.toFixed(1)} s`)
    else if (!this.#terminal.quiet) this.#terminal.print(this.#line(seconds))
  }

  draining(): void {
    const nowMs = performance.now()
    if (this.#drainingSince === undefined) {
      this.#drainingSince = nowMs
      this.#dueMs = this.#terminal.live ? 0 : nowMs + this.#everyMs
      this.#terminal.erase()
      this.#terminal.say('Stopping: consumers finish for up to 2 s. Ctrl-C again ends it now.')
    }
    if (!this.#isDue() || !this.#terminal.live) return
    this.#drawTable(`DRAINING  ${((nowMs - this.#drainingSince) / 1000).toFixed(1)} s`)
  }

  /** Takes the live table away. */
  end(): void {
    this.#terminal.erase()
  }

  #isDue(): boolean {
    const nowMs = performance.now()
    if (nowMs < this.#dueMs) return false
    this.#dueMs = Math.max(nowMs, this.#dueMs + this.#everyMs)
    return true
  }

  #line(seconds: number): string {
    const { counts } = this.#run
    const { delivered, pending } = counts
    const parts = [`delivered ${count(delivered)}`, `dropped ${count(totalDropped(counts))}`]
    return `RUNNING  t = ${seconds.toFixed(1)} s  ${parts.join('  ')}  pending ${count(pending)}`
  }

  #drawTable(heading: string): void {
    const sparkWidth = Math.min(40, Math.max(8, this.#terminal.width - 57))
    const rows = this.#run.lanes.map((lane, index) => {
      const { delivered, dropped, pending, waiting, routed } = lane.consumer.ledger
      const fill = this.#fill[index] ?? []
      fill.push(pending / this.#room(lane))
      if (fill.length > sparkWidth) fill.shift()
      const lost = totalDropped({ routed, delivered, dropped, pending, waiting })
      return [
        label(lane, this.#settings),
        count(delivered),
        count(lost),
        count(pending),
        sparkline(fill, sparkWidth),
      ]
    })
    const columns: readonly Column[] = [
      title(heading),
      ...outcomeColumns.slice(0, 3),
      { heading: 'mailbox fill', align: 'left' },
    ]
    this.#terminal.draw(table(columns, rows, this.#terminal.paint, [labelWidth + 5, 9, 9, 7]))
  }

  #room(lane: Lane): number {
    const { capacity, keys } = this.#settings
    return lane.overflow === 'latest' ? Math.min(capacity, keys) : capacity
  }
}
