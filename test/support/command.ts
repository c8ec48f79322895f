import { spawn } from 'node:child_process'

/** What a finished command left behind. */
export interface Finished {
  readonly exitCode: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs a command to its end, without standard input. */
export function runCommand(command: string, args: readonly string[], cwd: string): Promise<Finished> {
  // Under `npm exec`, as in scripts/matrix.mjs, these would make an npm in here run another npm's packages and command.
  const { npm_config_package: _package, npm_config_call: _call, ...env } = process.env
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    child.once('error', reject)
    child.once('close', (exitCode) => resolve({ exitCode, stdout, stderr }))
  })
}

/** Runs a command that must succeed and returns its stdout; otherwise throws with all it said. */
export async function mustRun(command: string, args: readonly string[], cwd: string): Promise<string> {
  const { exitCode, stdout, stderr } = await runCommand(command, args, cwd)
  if (exitCode === 0) return stdout
  throw new Error(`${command} ${args.join(' ')} ended with exit code ${exitCode}\n${stdout}${stderr}`)
}
