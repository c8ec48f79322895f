/** Deliberate bugs where two threads write one segment, as `mutants.mjs` lists them. */
export const loneMutants = [
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
]
