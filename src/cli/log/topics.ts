import { checkPattern, isLiteral, matches } from '../../core/topic.ts'
import { CommandError, exitCode } from '../exit-code.ts'
import { count } from '../format.ts'
import { table } from '../table.ts'
import { type GlobalOptions, Terminal } from '../terminal.ts'
import { openForReading } from './directory.ts'

export interface TopicsOptions extends GlobalOptions {
  readonly sort: 'name' | 'messages'
}

/** `spillway topics`: what a log holds of each topic. Resolves to an exit code. */
export async function topics(pattern: string, options: TopicsOptions): Promise<number> {
  checkPattern(pattern)
  const log = openForReading(options.dir)
  const found = log
    .topics()
    .filter(({ topic }) => matches(pattern, topic))
    .map(({ first, next, topic }) => ({ topic, messages: next - first, first, next }))
    .toSorted(
      (a, b) => (options.sort === 'messages' ? b.messages - a.messages : 0) || (a.topic < b.topic ? -1 : 1),
    )
  await log.close()
  if (found.length === 0 && isLiteral(pattern))
    throw new CommandError(`There is no topic "${pattern}" in ${options.dir}.`, exitCode.notFound)
  const terminal = new Terminal(options)
  terminal.printJson(found)
  if (found.length === 0) {
    terminal.print(pattern === '>' ? 'No topics yet.' : `No topic matches ${pattern}.`)
    return exitCode.done
  }
  const right = 'right' as const
  const columns = [
    { heading: 'TOPIC', align: 'left' as const },
    { heading: 'messages', align: right },
    { heading: 'first offset', align: right },
    { heading: 'next offset', align: right },
  ]
  const rows = found.map(({ first, messages, next, topic }) => [
    topic,
    count(messages),
    count(first),
    count(next),
  ])
  for (const line of table(columns, rows, terminal.paint)) terminal.print(line)
  return exitCode.done
}
