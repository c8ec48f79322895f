import { join } from 'node:path'
import process from 'node:process'
import { DemoLog } from './demo-log.ts'
import { DemoRun, type DemoResult, type DemoSettings } from './demo-run.ts'
import { measuredTable, predictedTable, RunningView } from './demo-view.ts'
import { exitCode } from './exit-code.ts'
import { count } from './format.ts'
import { Interrupt } from './interrupt.ts'
import { invocation } from './invocation.ts'
import { drainLine, imbalanceOf, ledgerLine } from './ledger-line.ts'
import type { Terminal } from './terminal.ts'

/** Predicts, runs, measures and accounts for a publisher that is faster than its subscribers. Resolves to an exit code. */
export async function demo(settings: DemoSettings, dir: string, terminal: Terminal): Promise<number> {
  const log = await DemoLog.open(join(dir, 'demo'), settings)
  const run = new DemoRun(settings, log)
  const interrupt = new Interrupt()
  introduce(run, settings, terminal)
  const view = new RunningView(run, settings, terminal)
  let result: DemoResult
  try {
    result = await run.run(view, interrupt.signal)
  } finally {
    interrupt[Symbol.dispose]()
    view.end()
    await log.close()
  }
  report(run, settings, result, terminal)
  terminal.printJson({ command: 'demo', settings, ...toJson(result) })
  if (imbalanceOf(result.ledger) !== undefined) return exitCode.damaged
  return result.interrupted ? exitCode.interrupted : exitCode.done
}

function introduce(run: DemoRun, settings: DemoSettings, terminal: Terminal): void {
  const { publishPerSecond, drainPerSecond, capacity } = settings
  const { paint } = terminal
  const rates = `${count(publishPerSecond)}/s published, ${count(drainPerSecond)}/s taken by each`
  terminal.print(`${paint.bold('Spillway demo')}${paint.dim(` · ${rates}, mailboxes of ${count(capacity)}`)}`)
  terminal.print()
  for (const line of predictedTable(run, settings, paint)) terminal.print(line)
  terminal.print()
}

function report(run: DemoRun, settings: DemoSettings, result: DemoResult, terminal: Terminal): void {
  const { paint } = terminal
  if (!terminal.live && !terminal.quiet) terminal.print()
  for (const line of measuredTable(run, settings, result, paint)) terminal.print(line)
  terminal.print()
  const { drained, behindSeconds } = result
  if (drained !== undefined) terminal.print(drainLine(drained, paint))
  terminal.print(ledgerLine(result.ledger, paint))
  if (behindSeconds > 0) {
    const kept = count(Math.round((settings.publishPerSecond * result.seconds) / settings.seconds))
    terminal.say(`This machine kept up with about ${kept} messages/s: the measurement is of a shorter run.`)
  }
  if (result.interrupted || terminal.quiet) return
  terminal.print()
  for (const line of suggestions(settings, run.log.dir)) terminal.print(line)
}

function suggestions(settings: DemoSettings, dir: string | undefined): readonly string[] {
  const { publishPerSecond, drainPerSecond, capacity, seconds } = settings
  const program = invocation()
  const rates = `--pub ${publishPerSecond} --sub ${drainPerSecond}`
  const bounds = `${capacity === 1024 ? '' : ` --capacity ${capacity}`}${seconds === 10 ? '' : ` --for ${seconds}s`}`
  const pipe = process.platform === 'win32' ? 'type lines.txt' : 'seq 20000'
  return [
    `Try:  ${program} predict ${rates}${bounds} --policy drop-oldest --run`,
    `      ${program} demo --drain ${Math.ceil(publishPerSecond * 1.1)} --for 3s`,
    `      ${pipe} | ${program} demo --from - --drain 5000`,
    ...(dir === undefined ? [] : [`      ${program} --dir ${dir} sub 'demo.>' --from -3 --exit-at-end`]),
  ]
}

function toJson(result: DemoResult): object {
  const { rows, ledger, interrupted, replay, seconds, behindSeconds, drained } = result
  return {
    seconds,
    interrupted,
    behindSeconds,
    predicted: rows.map(({ overflow, predicted }) => ({ overflow, ...predicted })),
    measured: rows.map(({ overflow, measured }) => ({ overflow, ...measured })),
    replay,
    drained,
    ledger,
    balanced: imbalanceOf(ledger) === undefined,
  }
}
