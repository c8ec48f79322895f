import { spawn, spawnSync } from 'node:child_process'
import { constants } from 'node:os'
import { join } from 'node:path'

/** The top folder of the checkout. */
export const root = join(import.meta.dirname, '..', '..')

/** Talks to the person. Always on stderr: stdout belongs to the program that is run in the end. */
export function say(text) {
  process.stderr.write(`${text}\n`)
}

/** Runs one step of the set-up and ends this process with the step's exit code when it fails. */
export function step(command, args, { cwd = root, env = process.env } = {}) {
  const onWindows = process.platform === 'win32' // where npm is a .cmd file, which only a shell can start
  const { status, error } = spawnSync(command, args, { cwd, env, stdio: ['ignore', 2, 2], shell: onWindows })
  if (status === 0) return
  say(`failed: ${command} ${args.join(' ')}${error ? ` (${error.message})` : ''}`)
  process.exit(status ?? 1)
}

/**
 * Runs a program with our standard streams and resolves to its exit code. Ctrl-C reaches it from the terminal, as
 * it reaches us; we only stay alive until it has ended. SIGTERM comes to us alone, so it is passed on.
 */
export async function runInForeground(command, args, env = {}) {
  const child = spawn(command, args, { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } })
  const stay = () => undefined
  const passOn = (signal) => child.kill(signal)
  process.on('SIGINT', stay)
  process.on('SIGTERM', passOn)
  try {
    return await exitCodeOf(child)
  } finally {
    process.off('SIGINT', stay)
    process.off('SIGTERM', passOn)
  }
}

/** Resolves to the exit code, or to 128 + the number of the signal, as shells say it. */
export function exitCodeOf(child) {
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve(code ?? 128 + (constants.signals[signal] ?? 0)))
  })
}
