import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'

/**
 * A shell that outlives this process by a moment. It reads which process to end and waits for the end of its input,
 * which comes when this process disposes of the guard, and also when it crashes or is killed: no server is left behind.
 */
const script = `
pid=
while read -r line; do pid=$line; done
[ -z "$pid" ] || kill -9 "$pid" 2>/dev/null
rm -rf "$1"`

/** Ends a server and removes its folder when this process ends, however that happens. */
export class Guard {
  readonly #shell: ChildProcess

  constructor(folder: string) {
    // Detached: signals for this process and all its children, like Ctrl-C, are not for the guard.
    this.#shell = spawn('sh', ['-c', script, 'guard', folder], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    })
    this.#shell.stdin?.on('error', () => undefined) // it was killed: nothing to tell it any more
    this.#shell.unref()
  }

  /** Names the process to end; without one, only the folder is removed. */
  watch(pid?: number): void {
    this.#shell.stdin?.write(`${pid ?? ''}\n`)
  }

  /** Has it do its work now. */
  async release(): Promise<void> {
    if (this.#shell.exitCode !== null || this.#shell.signalCode !== null) return
    const exit = once(this.#shell, 'exit')
    this.#shell.ref()
    this.#shell.stdin?.end()
    await exit
  }
}
