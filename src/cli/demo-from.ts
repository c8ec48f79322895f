import process from 'node:process'
import { totalDropped } from '../core/ledger.ts'
import { exitCode } from './exit-code.ts'
import { count } from './format.ts'
import { Interrupt } from './interrupt.ts'
import { drainLine, imbalanceOf, ledgerLine } from './ledger-line.ts'
import { openInput } from './open-input.ts'
import { LinePublisher, type LineResult, type LineSettings } from './publish-lines.ts'
import { table } from './table.ts'
import type { Terminal } from './terminal.ts'

/** Publishes the lines of a file or of stdin and accounts for each. Resolves to an exit code. */
export async function demoFrom(path: string, settings: LineSettings, terminal: Terminal): Promise<number> {
  const publisher = new LinePublisher(settings)
  const input = await openInput(path)
  const interrupt = new Interrupt()
  interrupt.signal.addEventListener('abort', () =>
    terminal.say('Stopping: consumers finish for up to 2 s. Ctrl-C again ends it now.'),
  )
  if (path === '-')
    terminal.say(`Reading lines from stdin.${process.stdin.isTTY ? ' Ctrl-D ends them.' : ''}`)
  const progress = showProgress(publisher, terminal)
  let result: LineResult
  try {
    result = await publisher.run(input, interrupt.signal)
  } finally {
    progress()
    input.destroy()
    interrupt[Symbol.dispose]()
  }
  report(path, settings, result, terminal)
  const balanced = imbalanceOf(result.ledger) === undefined
  terminal.printJson({ command: 'demo', from: path, settings, ...result, balanced })
  if (!balanced) return exitCode.damaged
  if (result.interrupted) return exitCode.interrupted
  return isComplete(result) ? exitCode.done : exitCode.lossy
}

function isComplete({ lines, subscribers }: LineResult): boolean {
  return lines.refused === 0 && subscribers.every((subscriber) => totalDropped(subscriber) === 0)
}

/** After a second, a line on stderr that counts; returns what ends it. */
function showProgress(publisher: LinePublisher, terminal: Terminal): () => void {
  if (!process.stderr.isTTY || terminal.quiet || process.stdin.isTTY) return () => undefined
  let shown = false
  const timer = setInterval(() => {
    shown = true
    process.stderr.write(`\r${count(publisher.lines.read)} lines read …\u001B[K`)
  }, 1000)
  return () => {
    clearInterval(timer)
    if (shown) process.stderr.write('\r\u001B[K')
  }
}

function report(path: string, settings: LineSettings, result: LineResult, terminal: Terminal): void {
  const { paint } = terminal
  const { lines, subscribers, drained, ledger } = result
  const source = path === '-' ? 'stdin' : path
  const parts = [
    `published ${count(lines.published)}`,
    `empty ${count(lines.empty)}`,
    `refused ${count(lines.refused)}`,
  ]
  terminal.print(`${paint.bold('LINES')}  ${source}: read ${count(lines.read)} = ${parts.join(' + ')}`)
  for (const { line, reason } of lines.refusals) terminal.print(`  line ${count(line)}: ${reason}`)
  const more = lines.refused - lines.refusals.length
  if (more > 0) terminal.print(`  and ${count(more)} more`)
  terminal.print()
  const rows = subscribers.map((subscriber) => [
    subscriber.overflow,
    count(subscriber.routed),
    count(subscriber.delivered),
    count(totalDropped(subscriber)),
    reasonsOf(subscriber.dropped),
  ])
  const [left, right] = [{ align: 'left' }, { align: 'right' }] as const
  const columns = [
    { heading: `SUBSCRIBERS of ${settings.topicField === undefined ? settings.topic : '>'}`, ...left },
    { heading: 'routed', ...right },
    { heading: 'delivered', ...right },
    { heading: 'dropped', ...right },
    { heading: 'why', ...left },
  ]
  for (const line of table(columns, rows, paint)) terminal.print(line)
  terminal.print()
  if (result.interrupted || drained.dropped > 0 || settings.drainPerSecond !== undefined) {
    terminal.print(drainLine(drained, paint))
  }
  terminal.print(ledgerLine(ledger, paint))
}

function reasonsOf(dropped: Readonly<Record<string, number>>): string {
  const reasons = Object.entries(dropped).filter(([, drops]) => drops > 0)
  return reasons
    .map(([reason, drops]) => (reasons.length > 1 ? `${reason} ${count(drops)}` : reason))
    .join(', ')
}
