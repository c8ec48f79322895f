import { open } from 'node:fs/promises'
import process from 'node:process'
import { CommandError, exitCode } from './exit-code.ts'

/** Bytes to read, with back-pressure: the next chunk is read when the last has been dealt with. */
export interface Input extends AsyncIterable<Uint8Array> {
  /** Ends reading now. */
  destroy(): void
}

/** Opens a file, or stdin for `-`. Throws `CommandError` with exit code 3 for what cannot be read. */
export async function openInput(path: string): Promise<Input> {
  if (path === '-') return process.stdin
  try {
    const file = await open(path, 'r')
    if (!(await file.stat()).isDirectory()) return file.createReadStream()
    await file.close()
  } catch (error) {
    throw new CommandError(describe(path, error), exitCode.notFound)
  }
  throw new CommandError(`${path} is a directory. Name a file, or - for stdin.`, exitCode.notFound)
}

function describe(path: string, error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'ENOENT') return `There is no file ${path}. Name a file, or - for stdin.`
  if (code === 'EACCES' || code === 'EPERM') return `${path} may not be read by you. Check its permissions.`
  return `${path} cannot be read: ${message}`
}
