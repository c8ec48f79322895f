/** Deliberate bugs where jobs share a sync and two threads write one segment, as `mutants.mjs` lists them. */
export const commitMutants = [
  {
    name: 'two writers of a segment: one does not see how far the other has come',
    by: 'lone',
    file: 'commit/lone-writer.ts',
    from: 'start, 0, this.#place)',
    to: 'start, 0)',
  },
  {
    name: 'two writers of a segment: after one has failed the other may write',
    by: 'lone',
    file: 'commit/lone-writer.ts',
    from: '    if (failure === undefined) this.#turn.give()\n',
    to: '    this.#turn.give()\n',
  },
  {
    name: 'two writers of a segment: one does not ask whether the other is writing',
    by: 'lone',
    file: 'commit/lone-writer.ts',
    from: 'if (!this.#turn.take()) return undefined',
    to: 'void this.#turn.take()',
  },
  {
    name: 'jobs that share a sync: only the last is asked whether there shall be one',
    by: 'job-runner',
    file: 'commit/job-runner.ts',
    from: 'else if (jobs.some(({ sync }) => sync))',
    to: 'else if (jobs.at(-1)?.sync === true)',
  },
  {
    name: 'jobs that share a sync: a failed write takes back the last only',
    by: 'job-runner',
    only: 'are all taken back',
    file: 'commit/job-runner.ts',
    from: 'writer.write(part, start)',
    to: 'writer.write(part, writer.position)',
  },
  {
    name: 'jobs that share a sync: the beginning of a segment is done with what comes before it',
    by: 'job-runner',
    file: 'commit/job-intake.ts',
    from: "if (next === 'close' || next.next !== undefined) {",
    to: "if (next === 'close') {",
  },
  {
    name: 'a full batch: its checksum does not begin with the salt of its segment',
    by: 'read-ahead',
    file: 'commit/batch-maker.ts',
    from: 'viewOf(bytes), place.salt)',
    to: 'viewOf(bytes), 1)',
  },
]
