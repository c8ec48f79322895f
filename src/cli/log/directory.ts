import { OffsetEvictedError, OffsetOutOfRangeError } from '../../core/offset-errors.ts'
import {
  type DurableBroker,
  LogCorruptError,
  type LogFollower,
  LogLockedError,
  LogNewerError,
  openDurableBroker,
  openLogFollower,
} from '../../wal/index.ts'
import type { DurableBrokerOptions, FollowLevel } from '../../wal/index.ts'
import { CommandError, exitCode } from '../exit-code.ts'
import { invocation } from '../invocation.ts'

/** Where the log is unless `--dir` or SPILLWAY_DIR says otherwise. */
export const defaultDirectory = '.spillway'

/** Opens the log for writing; makes it when `create`. Throws `CommandError`. */
export async function openForWriting(
  dir: string,
  options: DurableBrokerOptions & { readonly create?: boolean } = {},
): Promise<DurableBroker> {
  const { create = false, ...rest } = options
  try {
    if (!create) await openLogFollower(dir).close() // which refuses a directory without a log
    return await openDurableBroker(dir, rest)
  } catch (error) {
    throw commandError(dir, error)
  }
}

/** Opens the log for reading, beside whoever writes it. Throws `CommandError`. */
export function openForReading(dir: string, level: FollowLevel = 'synced'): LogFollower {
  try {
    return openLogFollower(dir, { level })
  } catch (error) {
    throw commandError(dir, error)
  }
}

/** What a person is told, and the exit code, when something about a log is wrong. Other errors stay what they are. */
export function commandError(dir: string, error: unknown): unknown {
  if (error instanceof LogLockedError) return new CommandError(error.message, exitCode.locked)
  if (error instanceof LogNewerError) return new CommandError(error.message, exitCode.refused)
  if (error instanceof LogCorruptError) {
    return new CommandError(error.message, exitCode.damaged)
  }
  if (error instanceof OffsetEvictedError || error instanceof OffsetOutOfRangeError)
    return new CommandError(error.message, exitCode.evicted)
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'ENOENT') return noLog(dir)
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS' || code === 'ENOTDIR')
    return new CommandError(`${dir} cannot be used: ${message}`, exitCode.notFound)
  return error
}

export function noLog(dir: string): CommandError {
  const make = `\`${invocation()} pub <topic> <body>\` makes one.`
  return new CommandError(
    `There is no log in ${dir}. Name its directory with --dir; ${make}`,
    exitCode.notFound,
  )
}
