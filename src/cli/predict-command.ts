import { InvalidOptionError } from '../core/errors.ts'
import { dropReasons, totalDropped } from '../core/ledger.ts'
import { type Outcome, predict, type Setting, simulate } from '../predict/index.ts'
import { CommandError, exitCode } from './exit-code.ts'
import { count, difference, duration, publisher } from './format.ts'
import { formulasFor } from './formulas.ts'
import { table } from './table.ts'
import type { Terminal } from './terminal.ts'

/** Prints what will happen and by which formulas; with `run` also what a simulation measures. Resolves to an exit code. */
export async function predictCommand(setting: Setting, run: boolean, terminal: Terminal): Promise<number> {
  const predicted = predict(setting)
  const simulated = run ? await simulateOrExplain(setting) : undefined
  print(setting, predicted, simulated, terminal)
  terminal.printJson({ command: 'predict', setting, predicted, simulated })
  return exitCode.done
}

async function simulateOrExplain(setting: Setting): Promise<Outcome> {
  try {
    return await simulate(setting)
  } catch (error) {
    if (!(error instanceof InvalidOptionError)) throw error
    throw new CommandError(
      'That is more than 10,000,000 events to simulate. Lower --for or the rates.',
      exitCode.usage,
    )
  }
}

function print(
  setting: Setting,
  predicted: Outcome,
  simulated: Outcome | undefined,
  terminal: Terminal,
): void {
  const { paint } = terminal
  terminal.print(`${paint.bold(setting.overflow ?? '')}${paint.dim(` · ${describe(setting)}`)}`)
  terminal.print()
  const [left, right] = [{ align: 'left' }, { align: 'right' }] as const
  const formulas = formulasFor(setting, predicted)
  const rows = outcomeRows(predicted).flatMap(([name, cell, value], index) => {
    const [, measuredCell = '', measuredValue = 0] =
      simulated === undefined ? [] : (outcomeRows(simulated)[index] ?? [])
    const formula = name in formulas ? formulas[name as keyof typeof formulas] : ''
    if (!isTold(name, setting)) return []
    if (simulated === undefined) return [[rowName(name, predicted), cell, formula]]
    const delta = value === undefined ? '' : difference(measuredValue, value)
    return [[rowName(name, predicted), cell, measuredCell, delta, formula]]
  })
  const measured = [
    { heading: 'SIMULATED', ...right },
    { heading: 'Δ', ...right },
  ]
  const columns = [
    { heading: '', ...left },
    { heading: 'PREDICTED', ...right },
    ...(simulated === undefined ? [] : measured),
    { heading: 'FORMULA', ...left },
  ]
  for (const line of table(columns, rows, paint)) terminal.print(line)
}

/** Name, text, and the count that can be compared. */
function outcomeRows(outcome: Outcome): readonly (readonly [string, string, number?])[] {
  const { published, unrouted, delivered, pending, waiting, ageSeconds, secondsToFull } = outcome
  const lost = totalDropped({ ...outcome, routed: 0 })
  const cutOff = outcome.dropped.disconnected > 0 ? secondsToFull : undefined
  return [
    ['published', count(published), published],
    ['delivered', count(delivered), delivered],
    ['dropped', count(lost), lost],
    ['pending', count(pending), pending],
    ['waiting', count(waiting), waiting],
    ['unrouted', count(unrouted), unrouted],
    ['age', duration(ageSeconds)],
    ['full', secondsToFull === undefined ? 'never' : duration(secondsToFull)],
    ['publisher', publisher(outcome.publisher, cutOff)],
  ]
}

/** Some rows are always 0 but under one policy. */
function isTold(name: string, { overflow }: Setting): boolean {
  if (name === 'waiting') return overflow === 'block'
  return name !== 'unrouted' || overflow === 'disconnect'
}

function rowName(name: string, predicted: Outcome): string {
  if (name === 'full') return 'full after'
  if (name !== 'dropped') return name
  const reason = dropReasons.find((known) => predicted.dropped[known] > 0)
  return reason === undefined ? name : `${name}: ${reason}`
}

function describe(setting: Setting): string {
  const { publishPerSecond, drainPerSecond, capacity = 1024, seconds, keys, members = 1 } = setting
  const parts = [
    `λ = ${count(publishPerSecond)}/s`,
    `μ = ${count(drainPerSecond)}/s`,
    ...(members > 1 ? [`m = ${count(members)} members`] : []),
    `B = ${count(capacity)}`,
    ...(keys === undefined ? [] : [`k = ${count(keys)} keys`]),
    `T = ${duration(seconds)}`,
  ]
  return parts.join(', ')
}
