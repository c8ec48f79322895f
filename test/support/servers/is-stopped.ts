import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mustRun } from '../command.ts'

/** Whether SIGSTOP has taken effect: a thread on another core goes on for a moment, and may answer. */
export async function isStopped(pid: number): Promise<boolean> {
  const threads = `/proc/${pid}/task`
  if (existsSync(threads))
    return readdirSync(threads).every((thread) => isThreadStopped(`${threads}/${thread}`))
  return (await mustRun('ps', ['-o', 'state=', '-p', String(pid)], '/')).startsWith('T')
}

function isThreadStopped(folder: string): boolean {
  try {
    return /\) T /.test(readFileSync(`${folder}/stat`, 'latin1')) // its name is in the parentheses, then its state
  } catch {
    return true // it has ended meanwhile
  }
}
