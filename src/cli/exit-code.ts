/** Exit codes, the same for every command. */
export const exitCode: {
  readonly done: 0
  readonly unexpected: 1
  readonly usage: 2
  readonly notFound: 3
  readonly locked: 4
  readonly refused: 5
  readonly lossy: 6
  readonly damaged: 7
  readonly evicted: 8
  readonly timeout: 124
  readonly interrupted: 130
} = {
  /** Done, everything accounted for. */
  done: 0,
  /** Something went wrong that should not have. */
  unexpected: 1,
  /** The command line cannot be understood. */
  usage: 2,
  /** What was named is not there, or cannot be read. */
  notFound: 3,
  /** Another process has the directory open. */
  locked: 4,
  /** What is there may not be used by this version. */
  refused: 5,
  /** Finished, but not everything was delivered or accepted. */
  lossy: 6,
  /** A log is damaged, or a ledger does not add up. */
  damaged: 7,
  /** The position asked for is not retained any more, or not there yet. */
  evicted: 8,
  /** `--timeout` has passed. */
  timeout: 124,
  /** Ended by Ctrl-C or SIGTERM, after draining. */
  interrupted: 130,
}

/** Ends a command with one line on stderr and an exit code. */
export class CommandError extends Error {
  override readonly name = 'CommandError'
  readonly exitCode: number

  constructor(message: string, code: number) {
    super(message)
    this.exitCode = code
  }
}
